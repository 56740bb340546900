package serve

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wamuir/graft/tensorflow/serving/apis_go_proto"
	"google.golang.org/protobuf/proto"
)

// record frames data as TensorFlow's tf.io.TFRecordWriter does.
func record(data []byte) []byte {
	sum := func(b []byte) []byte {
		crc := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
		return binary.LittleEndian.AppendUint32(nil, (crc>>15|crc<<17)+0xa282ead8)
	}
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	return append(append(append(length, sum(length)...), data...), sum(data)...)
}

// Requests of the warm-up file are answered before a version is served; a version whose
// file is wrong is not served.
func TestWarmUpRequests(t *testing.T) {
	logged := func(request *apis_go_proto.PredictRequest) []byte {
		b, err := proto.Marshal(&apis_go_proto.PredictionLog{
			LogType: &apis_go_proto.PredictionLog_PredictLog{PredictLog: &apis_go_proto.PredictLog{Request: request}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return record(b)
	}
	good := logged(requestWith(fileTensor(pictureFile(t))))
	wrong := logged(requestWith(fileTensor([]byte("no picture"))))
	other, _ := proto.Marshal(&apis_go_proto.PredictionLog{LogType: &apis_go_proto.PredictionLog_ClassifyLog{}})
	for _, c := range []struct {
		name string
		file []byte
		says string // of the error; "": none
	}{
		{"good", append(good, record(other)...), ""},
		{"wrong picture", append(append([]byte{}, good...), wrong...), "record 2: image 0"},
		{"cut", good[:len(good)-3], "record 1: unexpected EOF"},
		{"not records", []byte("nothing of the kind, but long enough"), "checksum"},
		{"not a log", record([]byte{0xff}), "record 1 is not a PredictionLog"},
	} {
		dir := filepath.Join(t.TempDir(), "net")
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(shared(t), "run", "saved_model"))); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, warmUpFile)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, c.file, 0o666); err != nil {
			t.Fatal(err)
		}
		o := DefaultOptions()
		o.Models, o.Threads = []string{dir}, oneThread
		s, err := New(o)
		if err == nil {
			s.Close()
		}
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.says)
		}
	}
}
