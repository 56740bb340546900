package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"

	"oscar/dataset"
)

// The sizes of the caches in memory, in bytes.
const (
	keptFiles  = 256 << 20 // uploaded files
	keptPhotos = 256 << 20 // decoded pictures
	cachedMaps = 64 << 20  // explanations
)

// pictures are the images that a page can show, by their names in URLs. Uploaded images are kept
// only in memory, the most recently used ones.
type pictures struct {
	files  *cache[string, []byte]
	photos *cache[string, *image.RGBA]
}

func newPictures() *pictures {
	return &pictures{newCache[string, []byte](keptFiles), newCache[string, *image.RGBA](keptPhotos)}
}

// add stores an image file and returns its name. It returns an error if the file cannot be decoded.
func (p *pictures) add(ctx context.Context, file []byte, limits dataset.Limits) (string, error) {
	photo, _, err := dataset.DecodeContext(ctx, file, limits)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(file)
	name := hex.EncodeToString(sum[:])
	p.files.put(name, file, int64(len(file)))
	p.photos.put(name, photo, int64(len(photo.Pix)))
	return name, nil
}

// photo returns a decoded picture.
func (p *pictures) photo(ctx context.Context, name string, limits dataset.Limits) (*image.RGBA, error) {
	if photo, ok := p.photos.get(name); ok {
		return photo, nil
	}
	file, ok := p.files.get(name)
	if !ok {
		return nil, notFound{fmt.Errorf("the picture is no longer stored; choose it again")}
	}
	photo, _, err := dataset.DecodeContext(ctx, file, limits)
	if err != nil {
		return nil, badRequest{err}
	}
	p.photos.put(name, photo, int64(len(photo.Pix)))
	return photo, nil
}
