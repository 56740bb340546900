package events

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// event is what the tests' own reader finds in a frame.
type event struct {
	WallTime    float64
	Step        int64
	FileVersion string
	Tag         string
	Value       float32
	HasValue    bool
}

// readEvents reads a file with no code of the writer's: frames from the
// format's description, the CRC unmasked instead of masked.
func readEvents(t *testing.T, path string) []event {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []event
	for len(data) > 0 {
		if len(data) < 12 {
			t.Fatalf("%d bytes left over", len(data))
		}
		length := binary.LittleEndian.Uint64(data)
		checkCRC(t, data[:8], data[8:12])
		data = data[12:]
		if uint64(len(data)) < length+4 {
			t.Fatalf("a frame of %d bytes, but only %d left", length, len(data))
		}
		checkCRC(t, data[:length], data[length:length+4])
		var e event
		decode(t, data[:length], &e, 0)
		list = append(list, e)
		data = data[length+4:]
	}
	return list
}

func checkCRC(t *testing.T, data, stored []byte) {
	t.Helper()
	rotated := binary.LittleEndian.Uint32(stored) - 0xa282ead8
	if got, want := rotated>>17|rotated<<15, crc32.Checksum(data, crc32.MakeTable(0x82f63b78)); got != want {
		t.Fatalf("CRC %08x, want %08x", got, want)
	}
}

// decode reads an Event (depth 0), its Summary (1) and that one's Value (2).
func decode(t *testing.T, data []byte, e *event, depth int) {
	t.Helper()
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		data = data[n:]
		switch {
		case depth == 0 && number == 1 && kind == protowire.Fixed64Type:
			bits, _ := protowire.ConsumeFixed64(data)
			e.WallTime = math.Float64frombits(bits)
		case depth == 0 && number == 2 && kind == protowire.VarintType:
			step, _ := protowire.ConsumeVarint(data)
			e.Step = int64(step)
		case depth == 0 && number == 3 && kind == protowire.BytesType:
			e.FileVersion, _ = protowire.ConsumeString(data)
		case depth == 0 && number == 5 && kind == protowire.BytesType, depth == 1 && number == 1 && kind == protowire.BytesType:
			inner, _ := protowire.ConsumeBytes(data)
			decode(t, inner, e, depth+1)
		case depth == 2 && number == 1 && kind == protowire.BytesType:
			e.Tag, _ = protowire.ConsumeString(data)
		case depth == 2 && number == 2 && kind == protowire.Fixed32Type:
			bits, _ := protowire.ConsumeFixed32(data)
			e.Value, e.HasValue = math.Float32frombits(bits), true
		default:
			t.Fatalf("depth %d: unexpected field %d of type %d", depth, number, kind)
		}
		n = protowire.ConsumeFieldValue(number, kind, data)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		data = data[n:]
	}
}
