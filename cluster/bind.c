#define _GNU_SOURCE
#include "bind.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// TensorFlow's servers listen on all interfaces, and no option changes that. This bind takes
// the place of the C library's. While a thread creates a server (oscar_listen_on is set), it
// binds to that address instead of to all. Go's own sockets do not come here.

static __thread const char *wanted;
static __thread int replaced;

int bind(int fd, const struct sockaddr *address, socklen_t length) {
	struct sockaddr_storage other;
	if (wanted && length <= sizeof other) {
		memcpy(&other, address, length);
		struct sockaddr_in *four = (void *)&other;
		struct sockaddr_in6 *six = (void *)&other;
		if (other.ss_family == AF_INET && four->sin_addr.s_addr == INADDR_ANY) {
			if (inet_pton(AF_INET, wanted, &four->sin_addr) == 1)
				replaced++;
		} else if (other.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr)) {
			char text[INET6_ADDRSTRLEN + 8] = "";
			if (!strchr(wanted, ':'))
				strcpy(text, "::ffff:");
			strncat(text, wanted, INET6_ADDRSTRLEN);
			if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1)
				replaced++;
		}
		address = (void *)&other;
	}
	return (int)syscall(SYS_bind, fd, address, length);
}

void oscar_listen_on(const char *ip) {
	wanted = ip;
	replaced = 0;
}

int oscar_replaced(void) { return replaced; }
