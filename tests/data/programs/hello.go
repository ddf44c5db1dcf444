// Greets, echoes arguments and one variable, copies a file in capitals; exits with the number of arguments.
package main

import (
	"bytes"
	"fmt"
	"os"
)

func main() {
	fmt.Println("hello from Go")
	for i, arg := range os.Args[1:] {
		fmt.Printf("argument %d: %s\n", i+1, arg)
	}
	greeting, set := os.LookupEnv("GREETING")
	if !set {
		greeting = "(unset)"
	}
	fmt.Println("GREETING:", greeting)

	text, err := os.ReadFile("/data/input.txt")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(66)
	}
	if err := os.WriteFile("/data/output.txt", bytes.ToUpper(text), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(73)
	}
	// A goroutine and a channel, so that Go's scheduler runs too.
	counts := make(chan int)
	go func() {
		letters := 0
		for _, c := range text {
			if c|0x20 >= 'a' && c|0x20 <= 'z' {
				letters++
			}
		}
		counts <- letters
	}()
	lines, letters := bytes.Count(text, []byte("\n")), <-counts
	ratio := 0.0
	if lines > 0 {
		ratio = float64(letters) / float64(lines)
	}
	fmt.Printf("lines: %d, letters: %d, letters a line: %.3f\n", lines, letters, ratio)
	fmt.Fprintln(os.Stderr, "done")
	os.Exit(len(os.Args) - 1)
}
