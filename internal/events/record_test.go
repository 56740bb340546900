package events

import (
	"bytes"
	"hash/crc32"
	"testing"
)

// Known CRC-32C values: RFC 3720 (iSCSI), appendix B.4, and the usual check.
func TestCRCVectors(t *testing.T) {
	ascending, descending := make([]byte, 32), make([]byte, 32)
	for i := range 32 {
		ascending[i], descending[i] = byte(i), byte(31-i)
	}
	for _, test := range []struct {
		data []byte
		want uint32
	}{
		{[]byte("123456789"), 0xe3069283},
		{make([]byte, 32), 0x8a9136aa},
		{bytes.Repeat([]byte{0xff}, 32), 0x62a8ab43},
		{ascending, 0x46dd794e},
		{descending, 0x113fdb5c},
	} {
		if got := crc32.Checksum(test.data, castagnoli); got != test.want {
			t.Errorf("CRC-32C of %x = %08x, want %08x", test.data, got, test.want)
		}
		want := (test.want>>15 | test.want<<17) + 0xa282ead8
		if got := maskedCRC(test.data); got != want {
			t.Errorf("masked CRC of %x = %08x, want %08x", test.data, got, want)
		}
	}
}

// The first frame of an event file that TensorFlow 2.18's
// tf.summary.create_file_writer wrote holds 62 bytes, and begins so.
func TestFrameAsTensorFlow(t *testing.T) {
	got := appendRecord(nil, make([]byte, 62))[:12]
	want := []byte{62, 0, 0, 0, 0, 0, 0, 0, 0xd9, 0xd2, 0x40, 0xe7}
	if !bytes.Equal(got, want) {
		t.Errorf("the frame begins % x, want % x", got, want)
	}
}
