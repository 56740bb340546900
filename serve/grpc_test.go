package serve

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	"github.com/wamuir/graft/tensorflow/serving/apis_go_proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// call is a client's connection to a server that listens for gRPC.
func call(t *testing.T, change func(*Options)) (predict func(context.Context, *apis_go_proto.PredictRequest) (*apis_go_proto.PredictResponse, error), stop func() error) {
	t.Helper()
	_, _, addr, stop := listen(t, func(o *Options) {
		o.Models, o.RPC = []string{"net=" + filepath.Join(shared(t), "run")}, "127.0.0.1:0"
		if change != nil {
			change(o)
		}
	})
	connection, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return func(ctx context.Context, request *apis_go_proto.PredictRequest) (*apis_go_proto.PredictResponse, error) {
		answer := &apis_go_proto.PredictResponse{}
		return answer, connection.Invoke(ctx, predictMethod, request, answer)
	}, stop
}

// requestWith asks model net about an input.
func requestWith(image *tensor_go_proto.TensorProto) *apis_go_proto.PredictRequest {
	return &apis_go_proto.PredictRequest{
		ModelSpec: &apis_go_proto.ModelSpec{Name: "net"}, Inputs: map[string]*tensor_go_proto.TensorProto{"image": image},
	}
}

func fileTensor(files ...[]byte) *tensor_go_proto.TensorProto {
	return &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_STRING, TensorShape: protoShape(len(files)), StringVal: files}
}

// pixelTensor is a batch of one image as a list of values.
func pixelTensor(size int, values ...float32) *tensor_go_proto.TensorProto {
	return &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_FLOAT, TensorShape: protoShape(1, size, size, 3), FloatVal: values}
}

// Files, bytes of pixels and lists of pixels give the model's own answer over gRPC.
func TestRPCPredict(t *testing.T) {
	predict, stop := call(t, nil)
	_, want := oracle(t)
	file := pictureFile(t)
	s := start(t, nil)
	list, _ := s.pixelsOf(file)
	in := s.models.models[0].current.Metadata.Image
	packed := floatTensor([][]float32{list}, len(list))
	packed.TensorShape = protoShape(1, in.Height, in.Width, 3)
	for name, image := range map[string]*tensor_go_proto.TensorProto{
		"file": fileTensor(file), "list": pixelTensor(in.Height, list...), "bytes": packed,
	} {
		got, err := predict(t.Context(), requestWith(image))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for output, values := range map[string][]float32{"logits": want.Logits[0], "probabilities": want.Probabilities[0]} {
			v, err := floatsOf(got.Outputs[output], len(values))
			if err != nil || !near(v, values) {
				t.Errorf("%s: %s are %v (%v), want %v", name, output, v, err, values)
			}
		}
		if got.ModelSpec.GetVersion().GetValue() != 1 || len(got.Outputs["class"].GetInt64Val()) != 1 {
			t.Errorf("%s: answered by %v with classes %v", name, got.ModelSpec, got.Outputs["class"])
		}
	}
	only := requestWith(fileTensor(file, file))
	only.OutputFilter = []string{"class"}
	if got, err := predict(t.Context(), only); err != nil || len(got.Outputs) != 1 || len(got.Outputs["class"].GetInt64Val()) != 2 {
		t.Errorf("two images, output class alone: %v, %v", got, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// What is wrong with a call is said with its code.
func TestRPCRefusals(t *testing.T) {
	predict, _ := call(t, func(o *Options) { o.Queue = 4 })
	file := pictureFile(t)
	size := 32
	with := func(change func(*apis_go_proto.PredictRequest)) *apis_go_proto.PredictRequest {
		r := requestWith(fileTensor(file))
		change(r)
		return r
	}
	image := func(tensor *tensor_go_proto.TensorProto) *apis_go_proto.PredictRequest { return requestWith(tensor) }
	huge := pixelTensor(size, 1)
	huge.TensorShape = protoShape(math.MaxInt64, size, size, 3)
	unknown := pixelTensor(size, 1)
	unknown.TensorShape.UnknownRank = true
	for _, c := range []struct {
		name    string
		request *apis_go_proto.PredictRequest
		code    codes.Code
		says    string
	}{
		{"no model", with(func(r *apis_go_proto.PredictRequest) { r.ModelSpec.Name = "other" }), codes.NotFound, `no model "other"; have net`},
		{"empty", &apis_go_proto.PredictRequest{}, codes.NotFound, "have net"},
		{"version", with(func(r *apis_go_proto.PredictRequest) {
			r.ModelSpec.VersionChoice = &apis_go_proto.ModelSpec_Version{Version: wrapperspb.Int64(9)}
		}), codes.NotFound, "no version 9"},
		{"label", with(func(r *apis_go_proto.PredictRequest) {
			r.ModelSpec.VersionChoice = &apis_go_proto.ModelSpec_VersionLabel{VersionLabel: "stable"}
		}), codes.InvalidArgument, `version label "stable"`},
		{"signature", with(func(r *apis_go_proto.PredictRequest) { r.ModelSpec.SignatureName = "guess" }), codes.InvalidArgument, `no signature "guess"`},
		{"inputs", with(func(r *apis_go_proto.PredictRequest) { r.Inputs["more"] = fileTensor(file) }), codes.InvalidArgument, `an input "more"`},
		{"class", with(func(r *apis_go_proto.PredictRequest) { r.Inputs["class"] = fileTensor(file) }), codes.InvalidArgument, `an input "class"`},
		{"kind of class", with(func(r *apis_go_proto.PredictRequest) {
			r.ModelSpec.SignatureName, r.Inputs["class"] = "gradcam", fileTensor(file)
		}), codes.InvalidArgument, "want DT_INT64 [1]"},
		{"name", with(func(r *apis_go_proto.PredictRequest) {
			r.Inputs = map[string]*tensor_go_proto.TensorProto{"x": fileTensor(file)}
		}), codes.InvalidArgument, `an input "x"; the model's are image`},
		{"filter", with(func(r *apis_go_proto.PredictRequest) { r.OutputFilter = []string{"scores"} }), codes.InvalidArgument, `"scores"`},
		{"not a picture", image(fileTensor([]byte("x"))), codes.InvalidArgument, "image 0"},
		{"no file", image(fileTensor()), codes.InvalidArgument, "0 strings"},
		{"empty file", image(fileTensor(nil)), codes.InvalidArgument, "empty"},
		{"too many", image(fileTensor(file, file, file, file, file)), codes.InvalidArgument, "more than 4 images"},
		{"nil", image(nil), codes.InvalidArgument, "DT_FLOAT"},
		{"type", image(&tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_DOUBLE}), codes.InvalidArgument, "DT_DOUBLE"},
		{"size", image(pixelTensor(size+1, 1)), codes.InvalidArgument, "want [n 32 32 3]"},
		{"huge", image(huge), codes.InvalidArgument, "more than 4 images"},
		{"unknown rank", image(unknown), codes.InvalidArgument, "unknown"},
		{"no values", image(pixelTensor(size)), codes.InvalidArgument, "0 values, want 3072"},
		{"not finite", image(pixelTensor(size, 1, float32(math.NaN()))), codes.InvalidArgument, "finite"},
	} {
		_, err := predict(t.Context(), c.request)
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s with %q", c.name, err, c.code, c.says)
		}
	}
	if _, err := predict(t.Context(), requestWith(fileTensor(file))); err != nil {
		t.Errorf("after them: %v", err)
	}
}

// A call without the token is refused.
func TestRPCToken(t *testing.T) {
	const secret = "a-token-of-many-characters"
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	predict, _ := call(t, func(o *Options) { o.TokenFile = path })
	request := requestWith(fileTensor(pictureFile(t)))
	for _, header := range []string{"", secret, "Bearer " + secret + "x"} {
		ctx := t.Context()
		if header != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", header)
		}
		if _, err := predict(ctx, request); status.Code(err) != codes.Unauthenticated {
			t.Errorf("authorization %q: %v", header, err)
		}
	}
	if _, err := predict(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+secret), request); err != nil {
		t.Errorf("with the token: %v", err)
	}
}
