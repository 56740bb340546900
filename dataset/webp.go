package dataset

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/webp"
)

// decodeWebP decodes a WebP file, or the first frame of an animation.
func decodeWebP(in *input) (image.Image, error) {
	frame, at, err := firstFrame(in.data)
	if err != nil {
		return nil, err
	}
	img, err := webp.Decode(in.reader(frame))
	if err != nil {
		return nil, err
	}
	switch lossy := img.(type) {
	case *image.YCbCr:
		img = webpRGB(lossy)
	case *image.NYCbCrA:
		colors := webpRGB(&lossy.YCbCr)
		for y := range colors.Rect.Dy() {
			for x, alpha := range lossy.A[y*lossy.AStride:][:colors.Rect.Dx()] {
				colors.Pix[y*colors.Stride+4*x+3] = alpha
			}
		}
		img = (*image.NRGBA)(colors)
	}
	canvas := image.Rect(0, 0, in.header.Width, in.header.Height)
	if placed := img.Bounds().Add(at); placed != canvas {
		if !placed.In(canvas) {
			return nil, errors.New("a frame that lies outside of its canvas")
		}
		whole := image.NewNRGBA(canvas)
		draw.Draw(whole, placed, img, img.Bounds().Min, draw.Src)
		img = whole
	}
	return img, nil
}

// configWebP reads the size of the canvas.
func configWebP(in *input) (image.Config, error) {
	if head := chunk(in.data, 12, "VP8X", false); len(head) >= 10 {
		size := func(b []byte) int { return 1 + int(b[0]) + int(b[1])<<8 + int(b[2])<<16 }
		return image.Config{ColorModel: color.NRGBAModel, Width: size(head[4:]), Height: size(head[7:])}, nil
	}
	return webp.DecodeConfig(in.reader(in.data))
}

// firstFrame returns a still image unchanged. Of an animation it returns the first frame as a still
// image, and its position on the canvas.
func firstFrame(data []byte) ([]byte, image.Point, error) {
	const animated, hasAlpha = 1 << 1, 1 << 4
	head := chunk(data, 12, "VP8X", false)
	if len(head) < 10 || head[0]&animated == 0 {
		return data, image.Point{}, nil
	}
	frame := chunk(data, 12, "ANMF", false)
	if len(frame) < 16 {
		return nil, image.Point{}, errors.New("an animation without a whole frame")
	}
	number := func(b []byte) int { return int(b[0]) + int(b[1])<<8 + int(b[2])<<16 }
	at := image.Pt(2*number(frame), 2*number(frame[3:]))
	still := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+18+len(frame)-16))
	still = append(still, "WEBPVP8X\x0a\x00\x00\x00"...)
	flags := byte(0)
	if chunk(frame, 16, "ALPH", false) != nil {
		flags = hasAlpha
	}
	still = append(still, flags, 0, 0, 0)
	still = append(still, frame[6:12]...) // width and height, minus one
	return append(still, frame[16:]...), at, nil
}

// webpRGB converts the planes of a lossy WebP bit for bit as libwebp does:
// luma is 16 to 235, not 0 to 255 as in a JPEG; chroma, with half the resolution
// in both directions, is interpolated with the weights 9, 3, 3 and 1 (dsp/upsampling.c);
// the sums are those of dsp/yuv.h.
func webpRGB(src *image.YCbCr) *image.RGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	c := newChroma(src)
	line := make([]uint32, 2*c.width)
	for y := range h {
		// The row lies between two rows of samples, nearer to one of them.
		webpWiden(line, c.load(y/2), c.far(y))
		luma := src.Y[y*src.YStride:][:w]
		row := dst.Pix[y*dst.Stride:][:4*w]
		for x, l := range luma {
			u, v := int32(line[x]&0xff), int32(line[x]>>16)
			y := int32(l) * 19077 >> 8
			q := row[4*x:][:4:4]
			q[0] = webpClip(y + v*26149>>8 - 14234)
			q[1] = webpClip(y - u*6419>>8 - v*13320>>8 + 8708)
			q[2] = webpClip(y + u*33050>>8 - 17685)
			q[3] = 255
		}
	}
	return dst
}

// webpClip removes six bits of fraction and clips a color to 0 to 255.
func webpClip(v int32) uint8 { return uint8(min(max(v, 0), 256<<6-1) >> 6) }

// webpWiden doubles a row between two rows of packed samples.
func webpWiden(dst, near, far []uint32) {
	const lanes = 0x00ff00ff
	last := len(near) - 1
	edge := func(x int) uint32 { return (3*near[x] + far[x] + 0x00020002) >> 2 & lanes }
	dst[0], dst[2*last+1] = edge(0), edge(last)
	for x := range last {
		n0, n1, f0, f1 := near[x], near[x+1], far[x], far[x+1]
		sum := n0 + n1 + f0 + f1 + 0x00080008
		dst[2*x+1] = ((sum+2*(n1+f0))>>3&0x1fff1fff + n0) >> 1 & lanes
		dst[2*x+2] = ((sum+2*(n0+f1))>>3&0x1fff1fff + n1) >> 1 & lanes
	}
}
