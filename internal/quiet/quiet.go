// Package quiet suppresses TensorFlow's start-up messages. The library writes them to file
// descriptor 2, some of them when it is loaded, before main and before the environment can
// be changed. A program that links this package first saves descriptor 2 and redirects it,
// unless --verbose is among its arguments; [Start] then puts a filter there. os.Stderr and
// the Go runtime write to the saved one.
package quiet

/*
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

int oscar_stderr = -1;

// Runs before the constructors of all shared libraries, so it uses only system calls.
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

// The beginnings of TensorFlow's log lines of level INFO and WARNING, and of the notices
// around them; # is a digit.
static const char *chatter[] = {
	"WARNING: All log messages before absl", "I#### ##:", "W#### ##:",
	"####-##-## ##:##:##.######: I ", "####-##-## ##:##:##.######: W ",
	"To enable the following instructions", "\t [[{{node", NULL,
};

// The beginning of a Go crash. The lines after it go to the crash output, too.
static const char *crash[] = {"fatal error: ", "panic: ", "SIG", NULL};

static int begins(const char *line, const char **patterns) {
	for (; *patterns; patterns++) {
		const char *l = line, *p = *patterns;
		while (*p && (*p == '#' ? isdigit((unsigned char)*l) : *l == *p))
			l++, p++;
		if (!*p)
			return 1;
	}
	return 0;
}

static int crashing;

// pass forwards a line, or the beginning of one.
static void pass(const char *line, size_t n) {
	if (crashing || begins(line, chatter))
		return;
	crashing = begins(line, crash);
	if (crashing && strncmp(line, "fatal error: ", 13)) // only this line goes to descriptor 2 only
		return;
	for (ssize_t done; n > 0; line += done, n -= done)
		if ((done = write(oscar_stderr, line, n)) < 0)
			return;
}

// A C thread: when the library aborts, Go stops its goroutines first, and
// a goroutine would not forward the library's last lines. It reads without a
// stream: TensorFlow flushes all streams with each checkpoint, and
// would wait for the lock that a reader holds.
static void *filter(void *from) {
	static char text[1 << 16];
	size_t held = 0;
	ssize_t got;
	while ((got = read((int)(intptr_t)from, text + held, sizeof text - 1 - held)) > 0) {
		held += got;
		text[held] = 0;
		char *line = text;
		for (char *end; (end = memchr(line, '\n', text + held - line)); line = end + 1)
			pass(line, end + 1 - line);
		held -= line - text;
		memmove(text, line, held);
		if (held == sizeof text - 1) { // no line is this long
			pass(text, held);
			held = 0;
		}
	}
	return NULL;
}

static int start_filter(int from) {
	pthread_t thread;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); // Go handles the signals
	int failed = pthread_create(&thread, NULL, filter, (void *)(intptr_t)from);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}
*/
import "C"

import (
	"os"
	"runtime/debug"
	"syscall"
)

// standard keeps the file of descriptor 2. If it were collected, its finaliser
// would close the descriptor, and the next file opened would get the messages.
var standard *os.File

// Start makes os.Stderr the real standard error and forwards everything that the library
// writes from now on, except its start-up messages. With --verbose it does nothing. Call it
// first in main.
func Start() error {
	if C.oscar_stderr < 0 {
		return nil
	}
	os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2")
	standard = os.Stderr
	os.Stderr = os.NewFile(uintptr(C.oscar_stderr), "/dev/stderr")
	if err := debug.SetCrashOutput(os.Stderr, debug.CrashOptions{}); err != nil {
		return err
	}
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	if failed := C.start_filter(C.int(pipe[0])); failed != 0 {
		return syscall.Errno(failed)
	}
	if err := syscall.Dup3(pipe[1], 2, 0); err != nil {
		return err
	}
	return syscall.Close(pipe[1])
}
