package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	columns "github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"oscar/instance"
	"oscar/internal/text"
	"oscar/pipeline"
	"oscar/result"
)

// defaultTop is the default maximum number of classes of a prediction.
const defaultTop = 5

func newPredict(*globalFlags) *cobra.Command {
	var (
		o   pipeline.PredictOptions
		out string
	)
	cmd := &cobra.Command{
		Use:   "predict MODEL PATH...",
		Short: "Predict the classes of images",
		Long: `Classify images with MODEL, a run or a SavedModel folder. PATH is an image file, a
folder (with everything below it), or - for a list of paths on standard input.

One image prints its most probable classes. Several print CSV with the columns path
class probability class_2 probability_2 ... entropy status reason, as does --out -.
--out FILE.csv or FILE.jsonl writes a file. The entropy is in nats: 0 if the model
is certain, ln(classes) if all classes are equally probable. The status is ok,
unreadable or non_finite; a bad image is a row, not an error. If all images are
unreadable, the exit status is 1, and all rows are written.

If MODEL has several labels per image, there is one more column, labels: the classes
whose probability reaches the model's threshold, joined by |. There is no entropy.

Folders are read while images are classified, and rows are written immediately, so a
million images need no more memory than a thousand. FILE is written when all images
are done: after Ctrl-C (exit status 3) or an error it is unchanged. Standard output
has only complete rows. A FILE with other predictions, as of another model, is not
replaced; the same command can be given again, also with more images at the end.

If MODEL is a detector, --out FILE.json gets the objects of all images in
COCO's format: class, score, box and mask. PATH may be a folder of scenes; its test
part is used.`,
		Example: `  oscar predict runs/first photo.jpg
  oscar predict runs/first photos --out predictions.csv
  oscar predict model a.jpg b.png --top 3 --out predictions.jsonl
  oscar predict runs/heaps photos --out objects.json
  find . -name '*.jpg' | oscar predict runs/first - --out - | head`,
		Args: arguments("MODEL", "PATH..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if instance.IsModel(args[0]) {
				return predictInstances(cmd, args[0], args[1:], out, o.Machine)
			}
			toFile := out != "" && out != "-"
			if toFile {
				if _, err := result.PredictionsAreJSON(out); err != nil {
					return usageError{err, cmd.CommandPath()}
				}
			}
			s := newScreen()
			defer s.clear()
			o.Listener = s.listener()
			imageOperands(cmd, args, &o)
			begin, count := time.Now(), 0
			counted := func(result.Prediction) error {
				count++
				s.progress(-1, fmt.Sprintf("predicting %d  %.1f images/s", count, float64(count)/time.Since(begin).Seconds()), 0)
				return nil
			}
			w := cmd.OutOrStdout()
			if toFile {
				summary, err := pipeline.PredictFile(cmd.Context(), o, out, counted)
				if errors.Is(err, pipeline.ErrInterrupted) {
					return fmt.Errorf("%w; %s is as it was", err, out)
				} else if err != nil {
					return err
				}
				s.clear()
				printPredicted(w, summary)
				say(w, "predictions %s\n", out)
				return noneRead(summary.Statuses[result.Unreadable], summary.Images)
			}
			var table *result.PredictionWriter
			o.Begin = func(classes int) { table = result.NewPredictionWriter(w, false, classes) }
			var first *result.Prediction // printed later, because it may be the only one
			summary, err := pipeline.Predict(cmd.Context(), o, func(p result.Prediction) error {
				counted(p)
				if out == "" && count == 1 {
					first = &p
					return nil
				}
				s.clear()
				if first != nil {
					if err := table.Write(*first); err != nil {
						return err
					}
					first = nil
				}
				return table.Write(p)
			})
			if err != nil {
				return err
			}
			s.clear()
			switch {
			case first != nil && first.Status != "ok":
				return fmt.Errorf("%s: %s", first.Path, first.Reason)
			case first != nil:
				printRanked(w, first.Path, first.Top)
				_, err = fmt.Fprintln(w, lastLine(first))
			case summary.Reason != "":
				s.line("note: %s, the first that is not ok: %s", statuses(summary), summary.Reason)
			}
			return cmp.Or(err, noneRead(summary.Statuses[result.Unreadable], summary.Images))
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "`FILE`.csv or FILE.jsonl for the predictions, or - for CSV on standard output")
	predictFlags(cmd, &o)
	return inStore(cmd)
}

// predictFlags adds the flags that affect predictions.
func predictFlags(cmd *cobra.Command, o *pipeline.PredictOptions) {
	f := cmd.Flags()
	f.IntVar(&o.Top, "top", defaultTop, "most classes of a prediction, the most probable first")
	f.IntVar(&o.Batch, "batch", 32, "images per run of the model")
	precisionFlag(f, &o.Precision)
	machineFlags(cmd, &o.Machine)
	trustFlag(cmd, &o.Machine.Trust)
	limitFlags(cmd, &o.Machine.Limits)
}

// imageOperands takes the model and the images from the arguments: files, folders, or - for a list
// on standard input.
func imageOperands(cmd *cobra.Command, args []string, o *pipeline.PredictOptions) {
	o.Model = args[0]
	o.Paths = slices.DeleteFunc(slices.Clone(args[1:]), func(a string) bool { return a == "-" })
	if len(o.Paths) < len(args)-1 {
		o.List = eachLine(cmd.Context(), cmd.InOrStdin())
	}
}

// printRanked prints the predictions for one image.
func printRanked(w io.Writer, path string, ranked []result.Ranked) {
	width := 0
	for _, r := range ranked {
		width = max(width, columns.StringWidthWithoutEscSequences(r.Class))
	}
	fmt.Fprintln(w, path)
	for _, r := range ranked {
		line := fmt.Sprintf("  %s  %.4f  %s", columns.Pad(r.Class, width, ' '), r.Probability, strings.Repeat(drawn.full, int(r.Probability*20+0.5)))
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// lastLine returns how certain the model is, or which labels reach their thresholds.
func lastLine(p *result.Prediction) string {
	if p.Labels == nil {
		return fmt.Sprintf("entropy %.3f nats", *p.Entropy)
	}
	if len(p.Labels) == 0 {
		return "labels  none: no probability reaches its threshold"
	}
	var names []string
	for _, l := range p.Labels {
		names = append(names, l.Class)
	}
	return "labels  " + strings.Join(names, ", ")
}

// printPredicted prints the number of images, and the reason of the first one that is not ok.
func printPredicted(w io.Writer, s *pipeline.PredictSummary) {
	say(w, "%s: %s\n", text.Count(s.Images, "image"), statuses(s))
	if s.Reason != "" {
		say(w, "the first that is not ok: %s\n", s.Reason)
	}
}

func statuses(s *pipeline.PredictSummary) string {
	return pipeline.Summary{Statuses: s.Statuses}.String()
}

// eachLine yields the lines of r that are not empty, as they arrive. When ctx ends it returns,
// although a read of r may still be blocked.
func eachLine(ctx context.Context, r io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		found := make(chan string)
		end := make(chan error, 1)
		go func() {
			lines := bufio.NewScanner(r)
			for lines.Scan() {
				line := strings.TrimSuffix(lines.Text(), "\r")
				if line == "" {
					continue
				}
				select {
				case found <- line:
				case <-ctx.Done():
					return
				}
			}
			end <- lines.Err()
		}()
		for {
			select {
			case line := <-found:
				if !yield(line, nil) {
					return
				}
			case err := <-end:
				if err != nil {
					yield("", fmt.Errorf("list on standard input: %w", err))
				}
				return
			case <-ctx.Done():
				yield("", ctx.Err())
				return
			}
		}
	}
}
