package graph

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	config "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// open returns a session that is closed at the end of the test.
func open(t *testing.T, g *Graph) *Session {
	t.Helper()
	s, err := g.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestThreadsReachTensorFlow(t *testing.T) {
	for _, test := range []struct {
		asked        Threads
		intra, inter int32
	}{
		{Threads{}, int32(runtime.NumCPU()), 1},
		{Threads{Intra: -1, Inter: -1}, int32(runtime.NumCPU()), 1},
		{Threads{Intra: 3, Inter: 2}, 3, 2},
		{Threads{Inter: 4}, int32(runtime.NumCPU()), 4},
	} {
		options, err := Config{Threads: test.asked}.options()
		if err != nil {
			t.Fatal(err)
		}
		c := &config.ConfigProto{}
		if err := proto.Unmarshal(options.Config, c); err != nil {
			t.Fatal(err)
		}
		if c.IntraOpParallelismThreads != test.intra || c.InterOpParallelismThreads != test.inter {
			t.Errorf("%+v asks for %d+%d threads, want %d+%d", test.asked, c.IntraOpParallelismThreads, c.InterOpParallelismThreads, test.intra, test.inter)
		}
	}
}

// Every session has the threads that it asks for, whatever the sessions before it asked for.
func TestSessionsHaveTheirOwnThreads(t *testing.T) {
	threads := func() int {
		list, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for _, n := range []int{1, 40, 2, 80} { // Go itself may start or end a few
		before := threads()
		s, err := New().NewSession(Config{Threads: Threads{Intra: n}})
		if err != nil {
			t.Fatal(err)
		}
		if more := threads() - before; more < n-5 || more > n+5 {
			t.Errorf("a session with %d threads has started %d", n, more)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRunErrorsAreOneLine(t *testing.T) {
	ctx := context.Background()
	g := New()
	x := g.Placeholder("x", Float, Shape{-1, 2})
	w := g.Placeholder("w", Float, Shape{-1, -1})
	y, z := g.In("fc1").MatMul(x, w), g.Square(x)
	mustHold(t, g)
	s := open(t, g)
	one := FromFloat32s(Shape{1, 2}, make([]float32, 2))

	_, err := s.Run(ctx, []Feed{{x, one}}, []Tensor{y})
	wantError(t, err, "run: ", "'w'", "must feed a value")
	_, err = s.Run(ctx, []Feed{{x, one}, {w, FromFloat32s(Shape{3, 1}, make([]float32, 3))}}, []Tensor{y})
	wantError(t, err, "run: ", "Matrix size-incompatible")
	_, err = s.Run(ctx, []Feed{{x, FromInt64s(Shape{1, 2}, make([]int64, 2))}}, []Tensor{z})
	wantError(t, err, "run: ", "int64", "float")
	_, err = s.Run(ctx, []Feed{{Tensor{}, one}}, []Tensor{z})
	wantError(t, err, "feed 0 is not a tensor")
	_, err = s.Run(ctx, []Feed{{x, one}}, []Tensor{z, {}})
	wantError(t, err, "fetch 1 is not a tensor")
	_, err = s.Run(ctx, []Feed{{x, one}}, nil, Op{})
	wantError(t, err, "target 0 is not an operation")
	if _, err := s.Run(ctx, []Feed{{x, one}}, []Tensor{z}); err != nil {
		t.Errorf("after errors the session must go on: %v", err)
	}
}

func TestRunAsksTheContextFirst(t *testing.T) {
	g := New()
	v := g.Variable("v", Shape{}, true, func(g *Graph) Tensor { return g.Scalar(1) })
	s := open(t, g)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Run(ctx, nil, nil, v.Init); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled run gives %v", err)
	}
	if _, err := s.Run(context.Background(), nil, []Tensor{v.Value}); err == nil {
		t.Error("a canceled run has set the variable")
	}
}

func TestGraphGrowsBehindASession(t *testing.T) {
	ctx := context.Background()
	g := New()
	x := g.Placeholder("x", Float, Shape{})
	feed := []Feed{{x, FromFloat32s(Shape{}, []float32{3})}}
	s := open(t, g)
	y := x
	for i, want := range []float32{9, 81, 6561} {
		y = g.Square(y)
		out, err := s.Run(ctx, feed, []Tensor{y})
		if err != nil || out[0].Float32() != want {
			t.Fatalf("after growing %d times: %v, %v", i+1, out, err)
		}
	}
}

func TestSessionServesManyGoroutines(t *testing.T) {
	g := New()
	x := g.Placeholder("x", Float, Shape{-1})
	y := g.Square(x)
	s := open(t, g)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 50 {
				v := float32(100*i + j)
				out, err := s.Run(context.Background(), []Feed{{x, FromFloat32s(Shape{1}, []float32{v})}}, []Tensor{y})
				if err != nil || out[0].Float32s()[0] != v*v {
					t.Errorf("%v squared is %v, %v", v, out, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestClosedSession(t *testing.T) {
	g := New()
	x := g.Scalar(1)
	s := open(t, g)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Run(context.Background(), nil, []Tensor{x})
	wantError(t, err, "closed")
}

func TestLoadNamesTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nothing")
	_, _, err := Load(dir, "serve", Config{})
	wantError(t, err, "load "+dir)
}

// resident returns the MiB of memory this process holds.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

// Tensors lie in C memory, which Go's collector does not see and so does not
// hurry to free: without Run's own count these runs leave 3 GiB behind.
func TestRunsDoNotGrowMemory(t *testing.T) {
	// MiB: three times what Run lets pend (finalisers may still run when the next is full), and some
	const runs, each, ceiling = 400, 4 << 20, 3*(collectEvery>>20) + 50
	g := New()
	x := g.Placeholder("x", Float, Shape{-1})
	y := g.Mul(x, g.Scalar(2))
	s := open(t, g)
	buf := make([]float32, each/4)
	run := func() {
		out, err := s.Run(context.Background(), []Feed{{x, FromFloat32s(Shape{len(buf)}, buf)}}, []Tensor{y})
		if err != nil {
			t.Fatal(err)
		}
		if n := out[0].Shape().Elements(); n != len(buf) {
			t.Fatalf("fetched %d of %d", n, len(buf))
		}
	}
	run()
	runtime.GC()
	before, most := resident(t), 0
	for range runs {
		run()
		most = max(most, resident(t)-before)
	}
	t.Logf("%d runs of %d MiB in and out: at most %d MiB more than the %d before", runs, each>>20, most, before)
	if most > ceiling {
		t.Errorf("memory grew by %d MiB in %d runs, want at most %d", most, runs, ceiling)
	}
}
