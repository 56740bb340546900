package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"oscar/internal/jpegfile"
)

// checkJPEG reads all coded data of a sequential JPEG of any sampling, and returns an error
// if they are damaged. OtherJPEG accepts damaged data.
func checkJPEG(f jpegFile, data []byte) error {
	c := entropyCheck{jpegFile: f, seen: make([]bool, len(f.components))}
	// libjpeg-turbo also uses the standard tables if there are none.
	if !f.tables {
		data = insert(data, standardTables())
	}
	for s := range jpegfile.Segments(data) {
		switch s.Marker {
		case jpegfile.DHT:
			c.err = c.define(s.Content)
		case jpegfile.DRI:
			if len(s.Content) == 2 {
				c.interval = int(binary.BigEndian.Uint16(s.Content))
			}
		case jpegfile.SOS:
			c.err = c.scan(s.Content, s.Coded)
		}
		if c.err != nil {
			return c.err
		}
	}
	for i, seen := range c.seen {
		if !seen {
			return fmt.Errorf("component %d has no scan: %w", i+1, io.ErrUnexpectedEOF)
		}
	}
	if !endsWithEOI(data) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// endsWithEOI reports whether the last marker of a JPEG is EOI; other bytes may
// follow it.
func endsWithEOI(data []byte) bool {
	end := 2
	for s := range jpegfile.Segments(data) {
		end += 4 + len(s.Content) + len(s.Coded)
	}
	for ; end+1 < len(data); end++ {
		if data[end] == 0xff && data[end+1] == jpegfile.EOI {
			return true
		}
	}
	return false
}

// An entropyCheck reads Huffman codes without decoding pixels.
type entropyCheck struct {
	jpegFile
	tables   [2][4]*huffmanTable // DC and AC
	interval int                 // units between restart markers; 0: none
	seen     []bool              // components that had a scan
	err      error
	data     []byte
	bits     uint32 // bits read from data and not used, the lowest count
	count    int
}

// A huffmanTable has the first code of each length and the offset of its symbol.
type huffmanTable struct {
	first, number, offset [17]int
	symbols               []byte
}

// define reads the tables of a DHT segment.
func (c *entropyCheck) define(content []byte) error {
	for len(content) > 0 {
		if len(content) < 17 || content[0]>>4 > 1 || content[0]&15 > 3 {
			return errors.New("damaged Huffman table")
		}
		t := new(huffmanTable)
		code, total := 0, 0
		for length := 1; length <= 16; length++ {
			t.first[length], t.number[length], t.offset[length] = code, int(content[length]), total
			code, total = (code+t.number[length])<<1, total+t.number[length]
		}
		if len(content) < 17+total {
			return errors.New("damaged Huffman table")
		}
		t.symbols = content[17 : 17+total]
		c.tables[content[0]>>4][content[0]&15] = t
		content = content[17+total:]
	}
	return nil
}

// scan reads the blocks of a scan.
func (c *entropyCheck) scan(content, coded []byte) error {
	if len(content) < 1 || len(content) < 4+2*int(content[0]) {
		return errors.New("damaged header of a scan")
	}
	var units []unit
	maxH, maxV, _ := c.sampling()
	for choice := content[1 : 1+2*content[0]]; len(choice) >= 2; choice = choice[2:] {
		for i, component := range c.components {
			if component.id == int(choice[0]) {
				c.seen[i] = true
				units = append(units, unit{component, c.tables[0][choice[1]>>4&3], c.tables[1][choice[1]&3]})
			}
		}
	}
	if len(units) != int(content[0]) || len(units) == 0 {
		return errors.New("a scan of unknown components")
	}
	for _, u := range units {
		if u.h < 1 || u.v < 1 || u.h > 4 || u.v > 4 || u.dc == nil || u.ac == nil {
			return errors.New("a scan without its Huffman tables or sampling")
		}
	}
	across, down := ceil(c.width, 8*maxH), ceil(c.height, 8*maxV)
	if len(units) == 1 { // a scan of one component has no padding blocks
		across = ceil(ceil(c.width*units[0].h, maxH), 8)
		down = ceil(ceil(c.height*units[0].v, maxV), 8)
		units[0].h, units[0].v = 1, 1
	}
	c.data, c.bits, c.count = coded, 0, 0
	for i := range across * down {
		if c.interval > 0 && i > 0 && i%c.interval == 0 {
			if err := c.restart(byte(i/c.interval-1) & 7); err != nil {
				return err
			}
		}
		for _, u := range units {
			for range u.h * u.v {
				if err := c.block(u); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// A unit is a component in a scan.
type unit struct {
	jpegComponent
	dc, ac *huffmanTable
}

func ceil(a, b int) int { return (a + b - 1) / b }

// restart reads a restart marker.
func (c *entropyCheck) restart(number byte) error {
	c.bits, c.count = 0, 0
	for len(c.data) >= 2 && c.data[0] == 0xff && c.data[1] == 0xff {
		c.data = c.data[1:]
	}
	if len(c.data) < 2 || c.data[0] != 0xff || c.data[1] != jpegfile.RST0+number {
		return errors.New("a restart marker is missing")
	}
	c.data = c.data[2:]
	return nil
}

// block reads the codes of 64 coefficients.
func (c *entropyCheck) block(u unit) error {
	size, err := c.symbol(u.dc)
	if err != nil {
		return err
	}
	if size > 11 {
		return errors.New("a coefficient that is too large")
	}
	if err := c.skip(int(size)); err != nil {
		return err
	}
	for k := 1; k < 64; k++ {
		symbol, err := c.symbol(u.ac)
		if err != nil {
			return err
		}
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 && run != 15 {
			return nil // the rest is zero
		}
		if k += run; k > 63 {
			return errors.New("a block of too many coefficients")
		}
		if err := c.skip(size); err != nil {
			return err
		}
	}
	return nil
}

// symbol reads a Huffman code.
func (c *entropyCheck) symbol(t *huffmanTable) (byte, error) {
	code := 0
	for length := 1; length <= 16; length++ {
		if err := c.need(1); err != nil {
			return 0, err
		}
		c.count--
		code = code<<1 | int(c.bits>>c.count&1)
		if i := code - t.first[length]; i >= 0 && i < t.number[length] {
			return t.symbols[t.offset[length]+i], nil
		}
	}
	return 0, errors.New("a code that is in no Huffman table")
}

func (c *entropyCheck) skip(bits int) error {
	if err := c.need(bits); err != nil {
		return err
	}
	c.count -= bits
	return nil
}

// need reads bytes until at least that many bits, at most 16, are available.
func (c *entropyCheck) need(bits int) error {
	for c.count < bits {
		if len(c.data) == 0 || len(c.data) > 1 && c.data[0] == 0xff && c.data[1] != 0 {
			return io.ErrUnexpectedEOF
		}
		c.bits, c.count = c.bits<<8|uint32(c.data[0]), c.count+8
		if c.data[0] == 0xff && len(c.data) > 1 {
			c.data = c.data[1:] // the stuffed zero after it
		}
		c.data = c.data[1:]
	}
	return nil
}
