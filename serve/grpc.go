package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/serving/apis_go_proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// predictMethod is TensorFlow Serving's name of Predict.
const predictMethod = "/tensorflow.serving.PredictionService/Predict"

// predictionService answers Predict of TensorFlow Serving's PredictionService.
type predictionService interface {
	Predict(context.Context, *apis_go_proto.PredictRequest) (*apis_go_proto.PredictResponse, error)
}

// predictionDesc describes the service to gRPC. Calls of PredictionService's other methods get the
// code Unimplemented.
var predictionDesc = grpc.ServiceDesc{
	ServiceName: "tensorflow.serving.PredictionService",
	HandlerType: (*predictionService)(nil),
	Metadata:    "tensorflow_serving/apis/prediction_service.proto",
	Methods: []grpc.MethodDesc{{
		MethodName: "Predict",
		Handler: func(service any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			request := &apis_go_proto.PredictRequest{}
			if err := decode(request); err != nil {
				return nil, err
			}
			answer := func(ctx context.Context, request any) (any, error) {
				return service.(predictionService).Predict(ctx, request.(*apis_go_proto.PredictRequest))
			}
			return intercept(ctx, request, &grpc.UnaryServerInfo{Server: service, FullMethod: predictMethod}, answer)
		},
	}},
}

// rpcServer is a gRPC server with the limits of the HTTP server.
func (s *Server) rpcServer() (*grpc.Server, error) {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(int(s.options.MaxBody)),
		grpc.MaxConcurrentStreams(uint32(min(s.options.Concurrency, 1<<20))),
		grpc.MaxHeaderListSize(64 << 10),
		grpc.ConnectionTimeout(headerTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleTime, Time: idleTime}),
		grpc.UnaryInterceptor(s.intercept),
		grpc.InTapHandle(s.admit),
	}
	if s.options.Certificate != "" {
		c, err := credentials.NewServerTLSFromFile(s.options.Certificate, s.options.Key)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.Creds(c))
	}
	g := grpc.NewServer(options...)
	g.RegisterService(&predictionDesc, s)
	return g, nil
}

// intercept gives a call an id and a deadline, limits the number of concurrent calls, and logs the
// call.
func (s *Server) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, answer grpc.UnaryHandler) (out any, err error) {
	began, id := time.Now(), rand.Text()[:12]
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic", "request", id, "error", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "internal error")
		}
		code := status.Code(err)
		s.log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("request", id), slog.String("method", "gRPC"),
			slog.String("path", predictMethod), slog.String("status", code.String()), slog.Duration("time", time.Since(began)))
		s.metrics.note("gRPC "+predictMethod, code.String(), time.Since(began))
	}()
	if !s.enter() {
		return nil, rpcError(errFull)
	}
	defer s.leave()
	ctx, cancel := context.WithTimeout(ctx, s.options.Deadline)
	defer cancel()
	if s.stopping.Load() {
		return nil, rpcError(errClosed)
	}
	if out, err = answer(ctx, request); err != nil {
		return nil, rpcError(err)
	}
	return out, nil
}

// rpcError returns an error with its gRPC code.
func rpcError(err error) error {
	code := map[int]codes.Code{
		400: codes.InvalidArgument, 404: codes.NotFound, 413: codes.ResourceExhausted, 429: codes.ResourceExhausted,
		499: codes.Canceled, 503: codes.Unavailable, 504: codes.DeadlineExceeded,
	}
	c, ok := code[statusOf(err)]
	if !ok {
		c = codes.Internal
	}
	return status.Error(c, strings.ToValidUTF8(err.Error(), "?"))
}

// Predict answers a call of TensorFlow Serving's Predict. The input "image" is DT_FLOAT
// [n,height,width,3] with values 0..255, or DT_STRING [n] with image files. The outputs are logits
// and probabilities [n,classes] and class [n]. A signature that explains also has the input "class",
// DT_INT64 [n], and the outputs heatmap and raw.
func (s *Server) Predict(ctx context.Context, request *apis_go_proto.PredictRequest) (*apis_go_proto.PredictResponse, error) {
	spec := request.GetModelSpec()
	m, err := s.models.lookup(spec.GetName())
	if err != nil {
		return nil, err
	}
	if spec.GetVersionLabel() != "" {
		return nil, badRequest{fmt.Errorf("version label %q; want a number, or none", spec.GetVersionLabel())}
	}
	number := int(spec.GetVersion().GetValue())
	if number < 0 || spec.GetVersion() != nil && number == 0 {
		return nil, badRequest{fmt.Errorf("version %d; want a whole number above 0, or none", spec.GetVersion().GetValue())}
	}
	v, release, err := m.acquire(number)
	if err != nil {
		return nil, err
	}
	defer release()
	q, err := v.signatureQuery(spec.GetSignatureName())
	if err != nil {
		return nil, err
	}
	items, err := q.items(request.GetInputs(), s.options.Queue)
	if err != nil {
		return nil, badRequest{err}
	}
	images, err := inputs(ctx, &v.Metadata, items, s.options.Limits)
	if err != nil {
		return nil, err
	}
	answers, err := s.ask(ctx, q, images, classesOf(items))
	if err != nil {
		return nil, err
	}
	outputs, err := q.outputTensors(answers, request.GetOutputFilter())
	if err != nil {
		return nil, badRequest{err}
	}
	return &apis_go_proto.PredictResponse{
		ModelSpec: &apis_go_proto.ModelSpec{
			Name: v.name, SignatureName: cmp.Or(q.signature, "serving_default"),
			VersionChoice: &apis_go_proto.ModelSpec_Version{Version: wrapperspb.Int64(int64(v.number))},
		},
		Outputs: outputs,
	}, nil
}

// items reads the inputs of a request: image, and class for a signature that explains.
func (q query) items(inputs map[string]*tensor_go_proto.TensorProto, most int) (items []item, err error) {
	wanted := []string{"image"}
	if q.signature != "" {
		wanted = append(wanted, "class")
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if name != "image_bytes" && !slices.Contains(wanted, name) {
			return nil, fmt.Errorf("the request has an input %q; the model's are %s", name, strings.Join(wanted, ", "))
		}
	}
	for name, tensor := range inputs {
		if name == "class" {
			continue
		}
		if items != nil {
			return nil, errors.New("the request has the image twice")
		}
		if items, err = imagesOf(tensor, q.version.Metadata.Image, most); err != nil {
			return nil, fmt.Errorf("input %s: %w", name, err)
		}
	}
	if items == nil {
		return nil, fmt.Errorf("the request has %d inputs; want image", len(inputs))
	}
	if tensor, ok := inputs["class"]; ok {
		classes, err := intsOf(tensor, len(items))
		if err != nil {
			return nil, fmt.Errorf("input class: %w", err)
		}
		for i, c := range classes {
			items[i].class = int(c)
		}
	}
	return items, nil
}

// outputTensors returns the requested outputs, or all if only is empty.
func (q query) outputTensors(answers []answer, only []string) (map[string]*tensor_go_proto.TensorProto, error) {
	all := map[string]*tensor_go_proto.TensorProto{}
	var names []string
	for _, o := range q.outputs() {
		all[o.name] = o.tensor(answers)
		names = append(names, o.name)
	}
	if len(only) == 0 {
		return all, nil
	}
	out := map[string]*tensor_go_proto.TensorProto{}
	for _, name := range only {
		if all[name] == nil {
			return nil, fmt.Errorf("output_filter names %q; the outputs are %s", name, strings.Join(names, ", "))
		}
		out[name] = all[name]
	}
	return out, nil
}

// admit refuses calls without the token before it reads their body.
func (s *Server) admit(ctx context.Context, info *tap.Info) (context.Context, error) {
	given := info.Header.Get("authorization")
	if s.token == "" || len(given) == 1 && s.isBearer(given[0]) {
		return ctx, nil
	}
	return nil, status.Error(codes.Unauthenticated, "the token is missing or wrong; send it as the metadata authorization: Bearer TOKEN")
}

// stopRPC stops a gRPC server when its current calls end, or immediately when ctx is done.
func stopRPC(ctx context.Context, g *grpc.Server) {
	ended := make(chan struct{})
	go func() { g.GracefulStop(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		g.Stop()
		<-ended
	}
}
