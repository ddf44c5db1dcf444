// Greets, echoes arguments and one variable, copies a file in capitals; exits with the number of arguments.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

int main(int argc, char **argv)
{
    std::cout << "hello from C++\n";
    for (int i = 1; i < argc; i++)
        std::cout << "argument " << i << ": " << argv[i] << '\n';
    const char *greeting = std::getenv("GREETING");
    std::cout << "GREETING: " << (greeting ? greeting : "(unset)") << '\n';

    // libc++ for WASI is built without <fstream>.
    File in(std::fopen("/data/input.txt", "r"));
    if (!in) {
        std::cerr << "/data/input.txt: cannot open\n";
        return 66;
    }
    File out(std::fopen("/data/output.txt", "w"));
    if (!out) {
        std::cerr << "/data/output.txt: cannot open\n";
        return 73;
    }
    std::string text;
    for (int c; (c = std::fgetc(in.get())) != EOF;)
        text.push_back(static_cast<char>(c));
    auto lines = std::count(text.begin(), text.end(), '\n');
    auto letters = std::count_if(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
    if (std::fwrite(text.data(), 1, text.size(), out.get()) != text.size())
        return 74;
    std::cout << "lines: " << lines << ", letters: " << letters << ", letters a line: " << std::fixed
              << std::setprecision(3) << (lines ? double(letters) / lines : 0.0) << '\n';
    std::cerr << "done\n";
    return argc - 1;
}
