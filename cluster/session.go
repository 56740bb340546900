package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/wamuir/graft/tensorflow/core/framework/device_attributes_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"oscar/internal/machine"
)

// DefaultStepTimeout is the step timeout if [Options] do not set one.
const DefaultStepTimeout = 2 * time.Minute

// Options configure the cluster for a training, and how long to wait for it.
type Options struct {
	Spec *Spec
	// StepTimeout is the maximum time of a step or of another run of the graph; longer runs are errors.
	// 0: [DefaultStepTimeout].
	StepTimeout time.Duration
	// Wait is the maximum time to wait for workers that do not answer.
	Wait time.Duration
	// Least is the number of workers that are sufficient after Wait; 0: all.
	Least int
	// Precision is the training's precision. A worker without the instructions for it is an error.
	Precision machine.Precision
}

// Check returns an error for the first setting out of range.
func (o Options) Check() error {
	if err := o.Spec.Check(); err != nil {
		return err
	}
	switch {
	case o.StepTimeout < 0 || o.StepTimeout > 0 && o.StepTimeout < time.Millisecond:
		return fmt.Errorf("step-timeout is %s, want at least 1ms", o.StepTimeout)
	case o.Wait < 0:
		return fmt.Errorf("worker-wait is %s, want 0 or more", o.Wait)
	case o.Least < 0 || o.Least > len(o.Spec.Workers):
		return fmt.Errorf("min-workers is %d, want 1 to %d, the workers of the cluster", o.Least, len(o.Spec.Workers))
	}
	return nil
}

// Session describes where a session computes: on the chief, which is this process, and on workers.
type Session struct {
	Target  string         // TensorFlow's name of the chief's server
	Def     *pb.ClusterDef // the chief and the workers
	Timeout time.Duration  // maximum time of each run of the graph
	Workers []string       // addresses
}

// Chief returns the device of the chief.
func (*Session) Chief() string { return "/job:" + chiefJob + "/replica:0/task:0/device:CPU:0" }

// Worker returns the device of a worker.
func (*Session) Worker(i int) string {
	return fmt.Sprintf("/job:%s/replica:0/task:%d/device:CPU:0", workerJob, i)
}

// Fault is an error of a graph's run on a cluster. After it, the variables may have values from
// before the run, from after it, or a mixture.
type Fault struct{ message string }

func (f *Fault) Error() string { return f.message }

// Fault returns the error of a failed run, given TensorFlow's message.
func (s *Session) Fault(message string) *Fault {
	if strings.HasPrefix(message, "Deadline Exceeded") {
		message = fmt.Sprintf("it took longer than the step timeout of %s", s.Timeout)
	}
	return &Fault{message}
}

// chiefs are the servers of this process, by requested address. They end with the process.
var chiefs struct {
	sync.Mutex
	started map[string]chief
}

type chief struct{ target, address string }

// Join waits until the workers answer, starts this process's server if necessary, and returns the
// cluster. note receives a line when Join starts to wait, and when it continues without some
// workers.
func (o Options) Join(ctx context.Context, threads machine.Threads, note func(string)) (*Session, error) {
	spec, err := o.answering(ctx, note)
	if err != nil {
		return nil, err
	}
	c, err := spec.chief(threads)
	if err != nil {
		return nil, err
	}
	workers := map[int32]string{}
	for i, address := range spec.Workers {
		workers[int32(i)] = address
	}
	return &Session{Target: c.target, Workers: spec.Workers, Timeout: cmp.Or(o.StepTimeout, DefaultStepTimeout), Def: &pb.ClusterDef{Job: []*pb.JobDef{
		{Name: chiefJob, Tasks: map[int32]string{0: c.address}},
		{Name: workerJob, Tasks: workers},
	}}}, nil
}

// chief returns this process's server. It starts the server on first use.
func (s *Spec) chief(threads machine.Threads) (chief, error) {
	wanted := ""
	if len(s.Chief) == 1 {
		wanted = s.Chief[0]
	} else {
		host, err := hostTowards(s.farthest())
		if err != nil {
			return chief{}, err
		}
		wanted = net.JoinHostPort(host, "0")
	}
	chiefs.Lock()
	defer chiefs.Unlock()
	if c, ok := chiefs.started[wanted]; ok {
		return c, nil
	}
	_, address, err := start(wanted, threads)
	if err != nil {
		return chief{}, err
	}
	// TensorFlow looks for the target in the cluster.
	c := chief{"grpc://" + address, address}
	if chiefs.started == nil {
		chiefs.started = map[string]chief{}
	}
	chiefs.started[wanted] = c
	return c, nil
}

// farthest returns the first worker on another machine, or else the first worker.
func (s *Spec) farthest() string {
	for _, address := range s.Workers {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err == nil && host != "localhost" && !ip.IsLoopback() {
			return address
		}
	}
	return s.Workers[0]
}

// hostTowards returns this machine's address for sending packets to another address.
func hostTowards(address string) (string, error) {
	c, err := net.Dial("udp", address) // sends nothing
	if err != nil {
		return "", fmt.Errorf("worker %s cannot be reached: %w", address, cause(err))
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).IP.String(), nil
}

// answerWithin is the maximum time for an answer that needs no computation.
const answerWithin = 10 * time.Second

// answering returns the cluster of the workers that answer: all of them, or after o.Wait at least
// o.Least.
func (o Options) answering(ctx context.Context, note func(string)) (*Spec, error) {
	until, waiting := time.Now().Add(o.Wait), false
	for {
		errs, lacking := o.Spec.ask(ctx)
		var there []int
		var missing []string
		for i, err := range errs {
			if err == nil {
				there = append(there, i)
			} else {
				missing = append(missing, fmt.Sprintf("worker %d, %s, %v", i, o.Spec.Workers[i], err))
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i, lacks := range lacking {
			if lacks && o.Precision == machine.BFloat16 {
				return nil, fmt.Errorf("worker %d, %s, has no instructions for bfloat16 (AVX512_BF16 or AMX), the precision of the training; name another worker", i, o.Spec.Workers[i])
			}
		}
		if len(missing) == 0 {
			return o.Spec, nil
		}
		text := strings.Join(missing, "; ")
		if time.Now().After(until) {
			if o.Least > 0 && len(there) >= o.Least {
				note(fmt.Sprintf("%s; going on with %d of %d workers", text, len(there), len(errs)))
				return o.Spec.only(there), nil
			}
			return nil, errors.New(text + "; start oscar tf-server there")
		}
		if !waiting {
			waiting = true
			note(fmt.Sprintf("%s; waiting up to %s", text, o.Wait))
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(time.Second, max(time.Until(until), 0)+10*time.Millisecond)):
		}
	}
}

// ask asks all workers for their status. It returns their errors, and whether their processors lack
// bfloat16 instructions.
func (s *Spec) ask(ctx context.Context) (errs []error, lacking []bool) {
	errs, lacking = make([]error, len(s.Workers)), make([]bool, len(s.Workers))
	var all sync.WaitGroup
	for i, address := range s.Workers {
		all.Go(func() {
			job, err := ask(ctx, address)
			errs[i], lacking[i] = err, job == bootJob
		})
	}
	all.Wait()
	return errs, lacking
}

// ask returns the job of a server's first device, or an error if the server does not answer.
func ask(ctx context.Context, address string) (job string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	// The error of a plain connection is more precise than gRPC's.
	plain, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("does not answer: %w", cause(err))
	}
	if err := plain.Close(); err != nil {
		return "", err
	}
	c, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return "", err
	}
	defer c.Close()
	status := &emptypb.Empty{} // keeps unknown fields
	err = c.Invoke(ctx, "/tensorflow.WorkerService/GetStatus", &emptypb.Empty{}, status)
	switch {
	case err == nil:
		return jobOf(status.ProtoReflect().GetUnknown()), nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("accepts connections and does not answer within %s", answerWithin)
	}
	return "", fmt.Errorf("is no TensorFlow server: %w", err)
}

// jobOf returns the job of the first device in a serialized GetStatusResponse, or "". The first
// field of this message has the attributes of devices.
func jobOf(response []byte) string {
	_, _, tag := protowire.ConsumeTag(response)
	if tag < 0 {
		return ""
	}
	device, n := protowire.ConsumeBytes(response[tag:])
	attributes := &device_attributes_go_proto.DeviceAttributes{}
	if n < 0 || proto.Unmarshal(device, attributes) != nil {
		return ""
	}
	job, _, _ := strings.Cut(strings.TrimPrefix(attributes.Name, "/job:"), "/")
	return job
}
