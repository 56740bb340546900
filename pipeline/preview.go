package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// PreviewOptions are the options of [PreviewAugmentation].
type PreviewOptions struct {
	Data       string                // see TrainOptions
	Parts      [3]string             // see TrainOptions
	Out        string                // the PNG file to write
	Experiment experiment.Experiment // its augmentation, input size, split and seed
	Images     int                   // rows; 0: 8
	Draws      int                   // columns besides the image and its copies; 0: 6
	Machine    Machine
	Listener   Listener
}

// PreviewAugmentation draws the images that training would use. A row is an image of the train part;
// the rows are evenly spaced in it. The columns are the original, its copies, and its augmented
// versions in the first epochs.
func PreviewAugmentation(ctx context.Context, o PreviewOptions) error {
	e := o.Experiment
	if a := e.Training.Augmentation; len(a.Copies) == 0 && len(a.Phases) == 0 {
		return errors.New("there is nothing to show: training.augmentation is empty")
	}
	if err := replaceable(o.Out); err != nil {
		return err
	}
	o.Listener.Stage("reading images")
	folder, err := e.Data.Scan(ctx, o.Data, dataset.ScanOptions{
		Parts: o.Parts, Workers: o.Machine.Workers, Progress: o.Listener.Count,
	})
	if err != nil {
		return err
	}
	if e.FineTune != nil {
		dir, err := os.MkdirTemp("", "oscar-preview-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		from, err := start(ctx, e, filepath.Join(dir, "model"), o.Machine.Trust, o.Listener)
		if err != nil {
			return err
		}
		if e.Architecture, err = from(len(folder.Classes)); err != nil {
			return err
		}
	}
	if err := e.Resolve(len(folder.Classes)); err != nil {
		return err
	}
	split, err := dataset.NewSplit(folder, e.Data.Fractions, e.Seed)
	if err != nil {
		return err
	}
	in := e.Architecture.Input
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: folder.Root, Framing: e.Data.Framing(in),
		Limits: e.Data.Limits(), Cache: dataset.CacheMemory, Workers: o.Machine.Workers,
	})
	if err != nil {
		return err
	}
	defer loader.Close()

	rows := make([][]heatmap.Tile, min(orDefault(o.Images, 8), len(split.Train)))
	for _, c := range columns(e, orDefault(o.Draws, 6)) {
		order := make([]int, len(rows))
		for row := range order {
			order[row] = c.first*len(split.Train) + row*len(split.Train)/len(rows)
		}
		for b, err := range loader.Augmented(ctx, split.Train, order, len(order), c.epoch) {
			if err != nil {
				return err
			}
			for row := range rows {
				tile := heatmap.Tile{Image: rgba(b.Images[3*row*in[0]*in[1]:], in[0], in[1])}
				if row == 0 {
					tile.Caption = c.title
				}
				if b.Partners != nil {
					tile.Caption = strings.TrimPrefix(tile.Caption+"\n"+mixedLabel(b, row, split.Classes), "\n")
				}
				rows[row] = append(rows[row], tile)
			}
		}
	}
	return writePreview(o.Out, heatmap.Montage(rows, image.Pt(in[1], in[0]), color.White))
}

// mixedLabel returns the label of an image that may be mixed with another: "62 % glass, 38 % paper".
func mixedLabel(b *dataset.Batch, i int, classes []string) string {
	own := math.Round(100 * float64(b.Shares[i]))
	label := fmt.Sprintf("%g %% %s", own, classes[b.Labels[i]])
	if own == 100 {
		return label
	}
	return fmt.Sprintf("%s, %g %% %s", label, 100-own, classes[b.Labels[b.Partners[i]]])
}

// previewMark is the PNG chunk that marks a preview: its length, name, content and
// checksum.
var previewMark = func() []byte {
	const chunk = "tEXtSoftware\x00oscar preview"
	mark := binary.BigEndian.AppendUint32(nil, uint32(len(chunk)-len("tEXt")))
	mark = append(mark, chunk...)
	return binary.BigEndian.AppendUint32(mark, crc32.ChecksumIEEE([]byte(chunk)))
}()

// markAt is the offset after a PNG's first chunk, which has the size.
const markAt = 33

// replaceable reports whether path does not exist or is an earlier preview.
func replaceable(path string) error {
	f, err := paths.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	mark := make([]byte, len(previewMark))
	if _, err := f.ReadAt(mark, markAt); err != nil || !bytes.Equal(mark, previewMark) {
		return fmt.Errorf("%s is not a preview that oscar drew; name a new file", path)
	}
	return nil
}

// writePreview writes a PNG with the mark.
func writePreview(path string, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return err
	}
	return atomicfile.Output(path, atomicfile.Bytes(slices.Insert(b.Bytes(), markAt, previewMark...)))
}

func orDefault(n, fallback int) int {
	if n > 0 {
		return n
	}
	return fallback
}

// previewed is a column of a preview.
type previewed struct {
	title string
	epoch dataset.Epoch
	first int // the copy; 0 is the image itself
}

// columns returns the columns: the image, its copies, and its augmented versions in the first
// epochs.
func columns(e experiment.Experiment, draws int) []previewed {
	a := e.Training.Augmentation
	plain := dataset.Epoch{Augmentation: dataset.Augmentation{Copies: a.Copies}, Seed: e.Seed}
	out := []previewed{{title: "as it is", epoch: plain}}
	for i := range a.Copies {
		out = append(out, previewed{fmt.Sprintf("copy %d", i+1), plain, i + 1})
	}
	if len(a.Phases) == 0 { // all epochs have the same augmentation
		return out
	}
	for i := range min(draws, e.Training.Epochs) {
		out = append(out, previewed{title: fmt.Sprintf("epoch %d", i+1), epoch: dataset.Epoch{Augmentation: a, Seed: e.Seed, Number: i}})
	}
	return out
}

// rgba returns pixels [height, width, 3] as an image.
func rgba(pixels []uint8, height, width int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range height * width {
		copy(img.Pix[4*i:], pixels[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img
}
