//! Greets, echoes arguments and one variable, copies a file in capitals; exits with the number of arguments.
use std::{env, fs, process};

fn main() {
    println!("hello from Rust");
    let args: Vec<String> = env::args().skip(1).collect();
    for (i, arg) in args.iter().enumerate() {
        println!("argument {}: {}", i + 1, arg);
    }
    println!("GREETING: {}", env::var("GREETING").unwrap_or_else(|_| "(unset)".into()));

    let text = fs::read_to_string("/data/input.txt").unwrap_or_else(|error| {
        eprintln!("/data/input.txt: {}", error);
        process::exit(66)
    });
    if let Err(error) = fs::write("/data/output.txt", text.to_uppercase()) {
        eprintln!("/data/output.txt: {}", error);
        process::exit(73);
    }
    let lines = text.bytes().filter(|&c| c == b'\n').count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let ratio = if lines == 0 { 0.0 } else { letters as f64 / lines as f64 };
    println!("lines: {}, letters: {}, letters a line: {:.3}", lines, letters, ratio);
    eprintln!("done");
    process::exit(args.len() as i32);
}
