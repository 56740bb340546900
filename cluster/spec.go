package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"

	"oscar/internal/jsonerror"
	"oscar/internal/paths"
)

// Spec is a cluster: the content of cluster.json, in the form of the key "cluster" of
// TensorFlow's TF_CONFIG.
type Spec struct {
	// Workers are the addresses host:port of the TensorFlow servers, in the order of their parts of a
	// batch.
	Workers []string `json:"worker"`
	// Chief has at most one address host:port, at which the workers reach the training process. Without
	// one, it is an address of this machine with a free port.
	Chief []string `json:"chief,omitempty"`
}

// maxWorkers is the maximum number of workers. The graph has a part for each.
const maxWorkers = 64

// Read reads a cluster.json.
func Read(path string) (*Spec, error) {
	b, err := paths.ReadFile(path, paths.Settings)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	s := &Spec{}
	if err := jsonerror.Plain(d.Decode(s)); err != nil {
		return nil, fmt.Errorf(`%s: %w; want {"worker": ["host:port", ...]}`, path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is more after the object", path)
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Check returns an error for the first invalid address.
func (s *Spec) Check() error {
	switch n := len(s.Workers); {
	case n == 0:
		return errors.New(`it names no worker; want {"worker": ["host:port", ...]}`)
	case n > maxWorkers:
		return fmt.Errorf("it names %d workers, want at most %d", n, maxWorkers)
	case len(s.Chief) > 1:
		return fmt.Errorf("it names %d chiefs, want one at most: the training process", len(s.Chief))
	}
	seen := map[string]string{}
	for _, job := range []struct {
		name      string
		addresses []string
	}{{"worker", s.Workers}, {"chief", s.Chief}} {
		for i, address := range job.addresses {
			name := fmt.Sprintf("%s %d", job.name, i)
			host, _, err := splitAddress(address, 1)
			if err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
				err = fmt.Errorf("%q names no host that others can reach; want host:port", address)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if other, ok := seen[address]; ok {
				return fmt.Errorf("%s and %s are both %s", other, name, address)
			}
			seen[address] = name
		}
	}
	return nil
}

// hostName matches a host name (RFC 1123) or an IPv4 address.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// splitAddress splits host:port. The port must be at least least.
func splitAddress(address string, least int) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not an address; want host:port, such as 127.0.0.1:7701 or [::1]:7701", address)
	}
	if host != "" && len(host) < 254 && !hostName.MatchString(host) && net.ParseIP(host) == nil || len(host) > 253 {
		return "", 0, fmt.Errorf("%q has a wrong host; want a name or an IP address", address)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < least || port > 65535 || text != strconv.Itoa(port) {
		return "", 0, fmt.Errorf("%q has port %q, want %d to 65535", address, text, least)
	}
	return host, port, nil
}

// only returns the cluster with the workers of those indices.
func (s *Spec) only(workers []int) *Spec {
	out := &Spec{Chief: slices.Clone(s.Chief)}
	for _, i := range workers {
		out.Workers = append(out.Workers, s.Workers[i])
	}
	return out
}

// cause returns the system error of a failed connection.
func cause(err error) error {
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		return e.Err
	}
	return err
}
