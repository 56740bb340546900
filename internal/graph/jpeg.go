package graph

import (
	"context"
	"fmt"
	"image"
	"runtime"
	"sync"

	tf "github.com/wamuir/graft/tensorflow"
	config "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// JPEG encodes pictures with the libjpeg-turbo in TensorFlow's library, in a sixth of the time of
// image/jpeg. It may be used concurrently.
type JPEG struct {
	session      *Session
	image, bytes Tensor
	buffers      sync.Pool // *[]uint8
}

// NewJPEG returns an encoder. quality is 1 to 100. Colors have half the resolution, as in
// image/jpeg.
func NewJPEG(quality int) (*JPEG, error) {
	g := New()
	j := &JPEG{image: g.Placeholder("image", Uint8, Shape{-1, -1, 3})}
	j.bytes = g.one("EncodeJpeg", attributes{"format": "rgb", "quality": int64(quality), "chroma_downsampling": true}, j.image)
	if err := g.Err(); err != nil {
		return nil, err
	}
	var err error
	j.session, err = ownThreads(g)
	return j, err
}

// ownThreads opens a session that does not wait for operations of a model.
func ownThreads(g *Graph) (*Session, error) {
	options, err := proto.Marshal(&config.ConfigProto{
		IntraOpParallelismThreads: 1, InterOpParallelismThreads: int32(runtime.NumCPU()), UsePerSessionThreads: true,
	})
	if err != nil {
		return nil, err
	}
	s, err := tf.NewSession(g.g, &tf.SessionOptions{Config: options})
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	return &Session{s: s}, nil
}

// Encode returns the bytes of a JPEG. Transparency is lost.
func (j *JPEG) Encode(ctx context.Context, img *image.RGBA) ([]byte, error) {
	width, height := img.Rect.Dx(), img.Rect.Dy()
	buf, ok := j.buffers.Get().(*[]uint8)
	if !ok || cap(*buf) < 3*width*height {
		buf = new(make([]uint8, 3*width*height))
	}
	defer j.buffers.Put(buf)
	rgb := (*buf)[:3*width*height]
	for y := range height {
		row, out := img.Pix[y*img.Stride:][:4*width], rgb[3*y*width:][:3*width]
		for len(row) >= 4 && len(out) >= 3 {
			out[0], out[1], out[2] = row[0], row[1], row[2]
			row, out = row[4:], out[3:]
		}
	}
	values, err := j.session.Run(ctx, []Feed{{j.image, FromUint8s(Shape{height, width, 3}, rgb)}}, []Tensor{j.bytes})
	if err != nil {
		return nil, fmt.Errorf("encode a JPEG of %dx%d: %w", width, height, err)
	}
	text, isText := values[0].t.Value().(string)
	if !isText {
		return nil, fmt.Errorf("encode a JPEG: TensorFlow gave a %T", values[0].t.Value())
	}
	return []byte(text), nil
}

// Close frees the encoder.
func (j *JPEG) Close() error { return j.session.Close() }

// DecodeJPEG decodes a JPEG with libjpeg-turbo into RGB, [height, width, 3]. Unlike image/jpeg it
// supports every chroma sampling, but it accepts damaged data. It may be used concurrently.
func DecodeJPEG(ctx context.Context, data []byte) (rgb []uint8, height, width int, err error) {
	d, err := jpegDecoder()
	if err != nil {
		return nil, 0, 0, err
	}
	values, err := d.session.Run(ctx, []Feed{{d.bytes, FromString(string(data))}}, []Tensor{d.image})
	if err != nil {
		return nil, 0, 0, fmt.Errorf("decode a JPEG: %w", err)
	}
	shape := values[0].Shape()
	if len(shape) != 3 || shape[2] != 3 {
		return nil, 0, 0, fmt.Errorf("decode a JPEG: TensorFlow gave %v", shape)
	}
	return values[0].uint8s(), shape[0], shape[1], nil
}

// jpegDecoder is opened on first use and kept.
var jpegDecoder = sync.OnceValues(func() (*JPEG, error) {
	g := New()
	j := &JPEG{bytes: g.Placeholder("bytes", String, Shape{})}
	// The exact transform and interpolated chroma, as in Pillow.
	j.image = g.one("DecodeJpeg", attributes{"channels": int64(3), "dct_method": "INTEGER_ACCURATE", "fancy_upscaling": true}, j.bytes)
	if err := g.Err(); err != nil {
		return nil, err
	}
	var err error
	j.session, err = ownThreads(g)
	return j, err
})
