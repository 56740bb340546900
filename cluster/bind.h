#include <sys/socket.h>

// oscar_listen_on makes the calling thread bind to an IP address instead of to all interfaces;
// NULL ends that.
void oscar_listen_on(const char *ip);

// oscar_replaced returns how many addresses were replaced since.
int oscar_replaced(void);
