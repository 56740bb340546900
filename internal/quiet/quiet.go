// Package quiet keeps TensorFlow's start-up chatter from the user. The library
// writes it to file descriptor 2, and some of it when it is loaded, before main
// and before the environment can ask it not to. So a program that links this
// package sets descriptor 2 aside first of all, unless --verbose is among its
// arguments; [Start] then puts a filter there. os.Stderr and the Go runtime
// write to the real one.
package quiet

/*
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int oscar_stderr = -1;

// Runs before the constructors of all shared libraries, so it keeps to plain
// system calls.
static void set_aside(int argc, char **argv, char **envp) {
	(void)envp;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--verbose") || !strcmp(argv[i], "--verbose=true"))
			return;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int real = fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (null < 0 || real < 0)
		return;
	dup2(null, 2);
	close(null);
	oscar_stderr = real;
}

__attribute__((section(".preinit_array"), used))
static void (*oscar_preinit)(int, char **, char **) = set_aside;
*/
import "C"

import (
	"bufio"
	"os"
	"regexp"
	"runtime/debug"
	"syscall"
)

// chatter matches TensorFlow's log lines of level INFO and WARNING, and the
// notice before them.
var chatter = regexp.MustCompile(`^(WARNING: All log messages before absl|[IW]\d{4} \d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] |To enable the following instructions)`)

// standard keeps the file of descriptor 2: were it collected, its finaliser
// would close the descriptor, and the next file opened would get the chatter.
var standard *os.File

// Start makes os.Stderr the real standard error and lets through what the
// library writes from now on, but for its chatter. With --verbose it does
// nothing. Call it first in main.
func Start() error {
	if C.oscar_stderr < 0 {
		return nil
	}
	os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2")
	standard = os.Stderr
	real := os.NewFile(uintptr(C.oscar_stderr), "/dev/stderr")
	os.Stderr = real
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	if err := syscall.Dup3(int(w.Fd()), 2, 0); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := debug.SetCrashOutput(real, debug.CrashOptions{}); err != nil {
		return err
	}
	go func() {
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadBytes('\n')
			if len(line) > 0 && !chatter.Match(line) {
				real.Write(line)
			}
			if err != nil {
				return
			}
		}
	}()
	return nil
}
