package serve

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/image/draw"

	"oscar/dataset"
	"oscar/internal/jpegfile"
)

// entryOf returns the entry that a URL names.
func (s *Server) entryOf(r *http.Request) (*collection, entry, error) {
	c, err := s.collection(r.PathValue("name"))
	if err != nil {
		return nil, entry{}, err
	}
	i, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return nil, entry{}, notFound{fmt.Errorf("there is no picture number %q", r.PathValue("number"))}
	}
	e, ok := c.at(i)
	if !ok {
		return nil, e, notFound{fmt.Errorf("%s has no entry %d", c.name, i)}
	}
	return c, e, nil
}

// thumbSide is the longer side of a thumbnail, in pixels.
const thumbSide = 192

// keptThumbs is the size of the cache of thumbnails, in bytes.
const keptThumbs = 64 << 20

// thumb sends a thumbnail of an entry, from the cache if possible.
func (s *Server) thumb(w http.ResponseWriter, r *http.Request) {
	c, e, err := s.entryOf(r)
	if err != nil {
		fail(w, err)
		return
	}
	file := e.File
	if !c.images {
		file = e.Overlay
	}
	key := c.name + "\x00" + file
	data, ok := s.thumbs.get(key)
	if !ok {
		if file == "" {
			fail(w, notFound{fmt.Errorf("there is no picture")})
			return
		}
		photo, err := s.decode(r.Context(), c, file)
		if err != nil {
			fail(w, err)
			return
		}
		var b bytes.Buffer
		if err := jpegfile.Encode(&b, thumbnail(photo), 82); err != nil {
			fail(w, err)
			return
		}
		data = b.Bytes()
		s.thumbs.put(key, data, int64(len(data)))
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=3600")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// thumbnail scales a picture to thumbSide.
func thumbnail(photo *image.RGBA) *image.RGBA {
	size := photo.Rect.Size()
	longest := max(size.X, size.Y)
	out := image.NewRGBA(image.Rect(0, 0, max(1, size.X*thumbSide/longest), max(1, size.Y*thumbSide/longest)))
	draw.CatmullRom.Scale(out, out.Rect, photo, photo.Rect, draw.Src, nil)
	return out
}

// decode decodes a picture of a collection.
func (s *Server) decode(ctx context.Context, c *collection, name string) (*image.RGBA, error) {
	_, photo, err := s.readPicture(ctx, c, name)
	return photo, err
}

// readPicture reads and decodes a picture of a collection.
func (s *Server) readPicture(ctx context.Context, c *collection, name string) (data []byte, photo *image.RGBA, err error) {
	if data, err = c.read(name, s.options.Limits.MaxBytes); err != nil {
		return nil, nil, notFound{err}
	}
	photo, _, err = dataset.DecodeContext(ctx, data, s.options.Limits)
	if err != nil && ctx.Err() == nil {
		err = badRequest{err}
	}
	return data, photo, err
}

// file sends the overlay or the map of a manifest's row.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	c, e, err := s.entryOf(r)
	name, kind := e.Overlay, "image/jpeg"
	if r.PathValue("what") == "map" {
		name, kind = e.Map, "application/octet-stream"
	}
	if err == nil && name == "" {
		err = notFound{fmt.Errorf("there is no such file")}
	}
	var data []byte
	if err == nil {
		if data, err = c.read(name, s.options.Limits.MaxBytes); err != nil {
			err = notFound{err}
		}
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(data)
}
