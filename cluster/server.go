package cluster

/*
#cgo LDFLAGS: -ltensorflow -rdynamic
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
#include "bind.h"

// new_server creates and starts a server that listens on ip only; NULL: on all interfaces.
static TF_Server *new_server(void *def, size_t length, const char *ip, TF_Status *status) {
	oscar_listen_on(ip);
	TF_Server *server = TF_NewServer(def, length, status);
	int replaced = oscar_replaced();
	oscar_listen_on(NULL);
	if (TF_GetCode(status) == TF_OK && ip && !replaced)
		TF_SetStatus(status, TF_INTERNAL, "it would listen on all interfaces");
	else if (TF_GetCode(status) == TF_OK)
		TF_ServerStart(server, status);
	return server;
}
*/
import "C"

import (
	"fmt"
	"net"
	"strings"
	"unsafe"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/machine"
)

// The names of jobs in TensorFlow's device names. A session renames its servers, so that a server
// need not know its cluster. These names must differ from the server's first name, which tells
// whether the processor has bfloat16 instructions.
const (
	bootJob         = "boot"
	bootBFloat16Job = "boot_bfloat16"
	chiefJob        = "chief"
	workerJob       = "worker"
)

// bootName returns the first name of a server of this machine.
func bootName() string {
	if machine.HasBFloat16() {
		return bootBFloat16Job
	}
	return bootJob
}

// CheckListen returns an error for an address that [Serve] cannot use. loopback reports whether only
// this machine can reach the address.
func CheckListen(address string) (loopback bool, err error) {
	host, _, err := splitAddress(address, 0)
	switch {
	case err != nil:
		return false, err
	case host == "":
		return false, fmt.Errorf("%q names no host; want 127.0.0.1:PORT, or 0.0.0.0:PORT for all networks", address)
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback(), nil
}

// Serve starts a worker's TensorFlow server at an address host:port, and returns the address. host
// is an address of this machine; port 0 selects a free port. The server listens on this host only,
// or on all interfaces if host is 0.0.0.0 or ::. It ends with the process, because TensorFlow cannot
// stop a server.
func Serve(address string, threads machine.Threads) (string, error) {
	_, address, err := start(address, threads)
	return address, err
}

// start starts a server. It returns TensorFlow's name of the server for sessions of this process,
// and the address.
func start(address string, threads machine.Threads) (target, at string, err error) {
	host, ip, port, err := listenable(address)
	if err != nil {
		return "", "", err
	}
	at = net.JoinHostPort(host, fmt.Sprint(port))
	job := bootName()
	def, err := proto.Marshal(&pb.ServerDef{
		Cluster: &pb.ClusterDef{Job: []*pb.JobDef{{Name: job, Tasks: map[int32]string{0: at}}}},
		JobName: job, Protocol: "grpc", Port: int32(port),
		DefaultSessionConfig: &pb.ConfigProto{IntraOpParallelismThreads: int32(threads.Resolve().Intra)},
	})
	if err != nil {
		return "", "", err
	}
	var only *C.char
	if ip != "" {
		only = C.CString(ip)
		defer C.free(unsafe.Pointer(only))
	}
	bytes := C.CBytes(def)
	defer C.free(bytes)
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	server := C.new_server(bytes, C.size_t(len(def)), only, status)
	if C.TF_GetCode(status) != C.TF_OK {
		message, _, _ := strings.Cut(C.GoString(C.TF_Message(status)), "\n")
		return "", "", fmt.Errorf("start a TensorFlow server at %s: %s", at, message)
	}
	return C.GoString(C.TF_ServerTarget(server)), at, nil
}

// listenable returns the host, its IP address and the port of an address to listen on. ip is empty
// for all interfaces.
func listenable(address string) (host, ip string, port int, err error) {
	if _, err := CheckListen(address); err != nil {
		return "", "", 0, err
	}
	if host, port, err = splitAddress(address, 0); err != nil {
		return "", "", 0, err
	}
	resolved, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		return "", "", 0, fmt.Errorf("listen on %s: %w", address, err)
	}
	// This checks that the address is free, and selects a port for port 0.
	l, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		return "", "", 0, fmt.Errorf("cannot listen on %s: %w", address, cause(err))
	}
	port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return "", "", 0, err
	}
	if resolved.IP != nil && !resolved.IP.IsUnspecified() {
		ip = resolved.IP.String()
	}
	return host, ip, port, nil
}
