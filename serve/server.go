package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"

	"oscar/dataset"
	"oscar/explain"
	"oscar/instance"
	"oscar/pipeline"
	"oscar/savedmodel"
)

// Options are the options of [New].
type Options struct {
	Models  []string // MODEL or NAME=MODEL
	Images  []string // folders of images to browse
	Results []string // folders of results to browse
	Addr    string   // host and port to listen on
	Hosts   []string // names of the server, besides its address and localhost
	Threads pipeline.Threads
	// Precision is the number format of models.
	Precision pipeline.Precision
	// Trust is documented at [pipeline.Machine].
	Trust   bool
	Limits  dataset.Limits // of an image
	MaxBody int64          // the maximum size of a request, in bytes

	MaxBatch     int           // images in a run of a model
	BatchTimeout time.Duration // the maximum time that an image waits for others to share its run
	Queue        int           // the maximum number of waiting images
	Concurrency  int           // the maximum number of concurrent requests
	Deadline     time.Duration // the maximum time of a request
	Poll         time.Duration // interval of looking for new versions of a model

	TokenFile        string // file with the token that every request must have; "": none
	Certificate, Key string // files for TLS, PEM; "": none
	RPC              string // host and port of gRPC; "": none
	Profile          string // host and port of net/http/pprof; "": none

	Version string       // of oscar, for the pages
	Log     *slog.Logger // nil: nothing is logged
}

// DefaultOptions returns the defaults of the command line.
func DefaultOptions() Options {
	return Options{
		Addr: "127.0.0.1:8501", Limits: dataset.DefaultLimits, MaxBody: 64 << 20,
		MaxBatch: 32, BatchTimeout: 2 * time.Millisecond, Queue: 256, Concurrency: 64, Deadline: 5 * time.Minute, Poll: 2 * time.Second,
	}
}

// Check returns an error for the first invalid option.
func (o Options) Check() error {
	for _, f := range []struct {
		flag  string
		value int64
	}{
		{"max-batch", int64(o.MaxBatch)}, {"queue", int64(o.Queue)}, {"concurrency", int64(o.Concurrency)}, {"max-body", o.MaxBody},
		{"max-pixels", o.Limits.MaxPixels}, {"max-bytes", o.Limits.MaxBytes}, {"deadline", int64(o.Deadline)}, {"poll", int64(o.Poll)},
	} {
		if f.value < 1 {
			return fmt.Errorf("%s is %d, want at least 1", f.flag, f.value)
		}
	}
	if o.BatchTimeout < 0 {
		return fmt.Errorf("batch-timeout is %v, want 0 or more", o.BatchTimeout)
	}
	if (o.Certificate == "") != (o.Key == "") {
		return errors.New("tls-cert and tls-key go together; give both or none")
	}
	for flag, addr := range map[string]string{"grpc": o.RPC, "pprof": o.Profile} {
		if addr != "" {
			if err := checkAddr(flag, addr); err != nil {
				return err
			}
		}
	}
	return errors.Join(checkAddr("addr", o.Addr), o.Precision.Check())
}

func checkAddr(flag, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s is %q, want HOST:PORT, as 127.0.0.1:8501", flag, addr)
	}
	if host == "" {
		return fmt.Errorf("%s %q names no host; want 127.0.0.1:PORT, or 0.0.0.0:PORT for all networks", flag, addr)
	}
	return nil
}

// Open reports whether other machines can reach the server without a token.
func (o Options) Open() bool {
	return o.TokenFile == "" && (!onLoopback(o.Addr) || o.RPC != "" && !onLoopback(o.RPC))
}

func onLoopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Server serves models. Close it after use.
type Server struct {
	options     Options
	log         *slog.Logger
	models      *registry
	quick       *queue // runs batches
	slow        *queue // for methods with many model passes, one image at a time
	pictures    *pictures
	maps        *cache[explanationKey, *explanation]
	thumbs      *cache[string, []byte]
	objects     *cache[objectsKey, *instance.Found]
	objectMaps  *cache[objectKey, *instance.ObjectMap]
	collections []*collection
	parts       map[string]string // of the first model's run, by the SHA-256 of an image
	reports     reports
	metrics     *metrics
	places      chan struct{} // semaphore of current requests
	token       string
	stopping    atomic.Bool
	handler     http.Handler
}

// New opens the models.
func New(o Options) (*Server, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	token := ""
	if o.TokenFile != "" {
		var err error
		if token, err = readToken(o.TokenFile); err != nil {
			return nil, err
		}
	}
	models, err := newRegistry(o)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)), models: models, metrics: newMetrics(), token: token,
		places:   make(chan struct{}, o.Concurrency),
		pictures: newPictures(), maps: newCache[explanationKey, *explanation](cachedMaps), thumbs: newCache[string, []byte](keptThumbs),
		objects: newCache[objectsKey, *instance.Found](keptObjects), objectMaps: newCache[objectKey, *instance.ObjectMap](keptObjects),
		reports: reports{pages: map[string]madeReport{}},
	}
	if s.collections, err = newCollections(context.Background(), o.Images, o.Results, models.classes()); err != nil {
		models.close()
		return nil, err
	}
	for _, c := range s.collections {
		if c.note != "" {
			s.log.Warn(c.note)
		}
	}
	if len(o.Images) > 0 && len(models.models) > 0 {
		s.parts = partsOf(models.models[0].path)
	}
	s.quick = newQueue(1, o.Queue, o.MaxBatch, o.BatchTimeout, s.metrics.observe("quick"))
	s.slow = newQueue(1, o.Queue, 1, 0, s.metrics.observe("slow"))
	s.metrics.watch(s)
	s.handler = s.routes()
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close closes the models after it has answered the queued requests.
func (s *Server) Close() {
	s.quick.close()
	s.slow.close()
	s.models.close()
	closeAll(s.collections)
}

// Timeouts for slow clients.
var (
	headerTime = 10 * time.Second // to send the header of a request; a test shortens it
	bodyTime   = 2 * time.Minute  // to send a request
	restTime   = time.Second      // to send the rest of an answered request; a test shortens it
	idleTime   = 2 * time.Minute  // between requests
)

// Run serves until ctx is done and then finishes the current requests. ready, if not nil, is called
// with the addresses; rpc is "" without gRPC.
func (s *Server) Run(ctx context.Context, ready func(addr, rpc string)) error {
	listener, err := net.Listen("tcp", s.options.Addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", s.options.Addr, err)
	}
	server := s.httpServer(s)
	failed := make(chan error, 3)
	go func() {
		if s.options.Certificate != "" {
			failed <- server.ServeTLS(listener, s.options.Certificate, s.options.Key)
		} else {
			failed <- server.Serve(listener)
		}
	}()
	if s.options.Profile != "" {
		profiles, err := net.Listen("tcp", s.options.Profile)
		if err != nil {
			return errors.Join(fmt.Errorf("cannot listen on %s: %w", s.options.Profile, err), server.Close())
		}
		profiler := s.httpServer(s.profiles())
		defer profiler.Close()
		go func() { failed <- profiler.Serve(profiles) }()
	}
	rpcAddr := ""
	stopCalls := func(context.Context) {}
	if s.options.RPC != "" {
		g, err := s.rpcServer()
		if err != nil {
			return errors.Join(err, server.Close())
		}
		calls, err := net.Listen("tcp", s.options.RPC)
		if err != nil {
			return errors.Join(fmt.Errorf("cannot listen on %s: %w", s.options.RPC, err), server.Close())
		}
		defer g.Stop()
		go func() { failed <- g.Serve(calls) }()
		rpcAddr, stopCalls = calls.Addr().String(), func(ctx context.Context) { stopRPC(ctx, g) }
	}
	polling, stopPolling := context.WithCancel(ctx)
	var polls sync.WaitGroup
	polls.Go(func() { s.poll(polling, s.options.Poll) })
	polls.Go(func() { s.classifyAll(polling) })
	defer polls.Wait()
	defer stopPolling()
	if ready != nil {
		ready(listener.Addr().String(), rpcAddr)
	}
	select {
	case err := <-failed:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Deadline)
	defer cancel()
	stopCalls(stop)
	if err := server.Shutdown(stop); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// httpServer returns a server with timeouts for slow clients.
func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10,
		WriteTimeout: bodyTime + s.options.Deadline,
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// profiles returns the handler of net/http/pprof.
func (s *Server) profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return s.withHost(mux)
}

// ask answers a query with the queue for its number of model passes.
func (s *Server) ask(ctx context.Context, q query, images explain.Images, targets []int) ([]answer, error) {
	passes, err := q.passes()
	if err != nil {
		return nil, badRequest{err}
	}
	to := s.quick
	if passes > quickPasses {
		to = s.slow
	}
	if images.N > to.limit {
		return nil, badRequest{tooMany(to.limit)}
	}
	for _, c := range targets {
		if c < explain.Predicted || c >= len(q.version.Metadata.Classes) {
			return nil, badRequest{fmt.Errorf("class %d; want 0 to %d, or -1 for the predicted one", c, len(q.version.Metadata.Classes)-1)}
		}
	}
	return to.ask(ctx, q, images, targets)
}

// inputs converts the items of a request to a model's input.
func inputs(ctx context.Context, meta *savedmodel.Metadata, items []item, limits dataset.Limits) (explain.Images, error) {
	in := meta.Image
	images := explain.Images{N: len(items), Height: in.Height, Width: in.Width, Channels: 3}
	size := images.Size()
	images.Pixels = make([]float32, 0, len(items)*size)
	for i, it := range items {
		if it.pixels != nil {
			images.Pixels = append(images.Pixels, it.pixels...)
			continue
		}
		photo, _, err := dataset.DecodeContext(ctx, it.file, limits)
		if err != nil {
			if ctx.Err() != nil {
				return images, ctx.Err()
			}
			return images, badRequest{fmt.Errorf("image %d: %w", i, err)}
		}
		one, err := pipeline.Input(meta, photo)
		if err != nil {
			return images, err
		}
		images.Pixels = append(images.Pixels, one.Pixels...)
	}
	return images, nil
}
