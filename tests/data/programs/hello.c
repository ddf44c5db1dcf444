/* Greets, echoes arguments and one variable, copies a file in capitals; exits with the number of arguments. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    puts("hello from C");
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    const char *greeting = getenv("GREETING");
    printf("GREETING: %s\n", greeting ? greeting : "(unset)");

    FILE *in = fopen("/data/input.txt", "r");
    if (!in) {
        perror("/data/input.txt");
        return 66;
    }
    FILE *out = fopen("/data/output.txt", "w");
    if (!out) {
        perror("/data/output.txt");
        return 73;
    }
    int letters = 0, lines = 0;
    for (int c; (c = fgetc(in)) != EOF;) {
        letters += isalpha(c) != 0;
        lines += c == '\n';
        fputc(toupper(c), out);
    }
    fclose(in);
    if (fclose(out) != 0)
        return 74;
    printf("lines: %d, letters: %d, letters a line: %.3f\n", lines, letters, lines ? (double)letters / lines : 0.0);
    fputs("done\n", stderr);
    return argc - 1;
}
