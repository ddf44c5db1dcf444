;; A program: prints a line by the WASI function fd_write.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $iovs i32) (param $count i32) (param $written i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00" "\0e\00\00\00")  ;; an iovec: 14 bytes at address 16
  (data (i32.const 16) "Hello, World!\n")
  (func (export "_start")
    (drop (call $fd_write
      (i32.const 1)        ;; standard output
      (i32.const 0)        ;; where the iovecs are
      (i32.const 1)        ;; how many there are
      (i32.const 8)))))    ;; where the number of bytes written goes
