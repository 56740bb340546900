package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"oscar/serve"
)

func newServe(*globalFlags) *cobra.Command {
	o := serve.DefaultOptions()
	bound := false
	cmd := &cobra.Command{
		Use:   "serve MODEL...",
		Short: "Show models in a browser; answer requests over HTTP",
		Long: `Serve a page that explores MODEL, and answer requests over HTTP, until a signal.
MODEL is a run, a SavedModel, or a folder with numbered versions of one (1, 2 ...).
NAME=MODEL gives it another name than its folder's.

The page takes a picture that is dropped, pasted or chosen. It shows the predictions
and a map over the picture, by any method, layer and class. A link restores the
view. With --images and --results it browses pictures by class, prediction and
confusion, and shows runs, explanations, scores, studies, audits and comparisons as
pages. Only files below the given folders are read; links that lead out of them are
not followed.

The REST interface is that of TensorFlow Serving: POST
/v1/models/NAME[/versions/N]:predict and :classify, GET /v1/models/NAME and
/v1/models/NAME/metadata. POST /v1/models/NAME:explain has in addition method,
layer, class and format (json, npy, or overlay, a PNG), as keys of the JSON or in the
query; unknown ones are an error. An image is a list [height][width][3], {"b64": ...}
of an image file, or the body itself, or the file of a form. With --grpc the server
also answers Predict of TensorFlow Serving's PredictionService. A new version is
warmed up with the requests of its assets.extra/tf_serving_warmup_requests.

If MODEL is a detector, a run or an exported model, the page outlines the objects of
a picture, and a click on one shows its map. :predict answers with the objects in
COCO's format (class, score, bbox, segmentation) that have a score of 0.5 or more.
:explain explains the object with the number object (default 1) by method, layer and
class; its formats are the same. Detectors have no :classify, gRPC or folders of
versions.

The server listens on 127.0.0.1 unless --addr names another address. A new numbered
version replaces the previous one when it can be opened; no request is lost.
/healthz, /readyz and /metrics (Prometheus) are for operators.`,
		Example: `  oscar serve runs/first
  oscar serve runs/first --images photos --results runs/first --results explained
  oscar serve runs/first other=runs/second --addr 127.0.0.1:9000
  oscar serve runs/heaps`,
		Args: arguments("MODEL..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if bound {
				if err := endWithParent(); err != nil {
					return err
				}
			}
			o.Models, o.Version = args, version
			o.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			s, err := serve.New(o)
			if err != nil {
				return err
			}
			defer s.Close()
			if o.Open() {
				o.Log.Warn("other machines can use the models; --token FILE asks for a token", "addr", o.Addr)
			}
			scheme := "http"
			if o.Certificate != "" {
				scheme = "https"
			}
			return s.Run(cmd.Context(), func(addr, rpc string) {
				fmt.Fprintf(cmd.OutOrStdout(), "serving  %s://%s/\n", scheme, addr)
				if rpc != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "gRPC     %s\n", rpc)
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Images, "images", nil, "`DIR` of images to browse; again for more")
	f.StringArrayVar(&o.Results, "results", nil, "`DIR` of a run or of other results to browse; again for more")
	f.StringVar(&o.Addr, "addr", o.Addr, "`HOST:PORT` to listen on; port 0 chooses a free one")
	f.StringSliceVar(&o.Hosts, "host", nil, "a name by which clients call this server, besides its address; again for more")
	f.IntVar(&o.MaxBatch, "max-batch", o.MaxBatch, "largest number of images per run of the model")
	f.DurationVar(&o.BatchTimeout, "batch-timeout", o.BatchTimeout, "longest time that an image waits for others to share its run")
	f.IntVar(&o.Queue, "queue", o.Queue, "largest number of waiting images; further requests get status 429")
	f.IntVar(&o.Concurrency, "concurrency", o.Concurrency, "largest number of concurrent requests")
	f.DurationVar(&o.Deadline, "deadline", o.Deadline, "longest time of a request")
	f.Int64Var(&o.MaxBody, "max-body", o.MaxBody, "largest number of bytes of a request")
	f.DurationVar(&o.Poll, "poll", o.Poll, "time between checks for new versions of a model")
	f.StringVar(&o.TokenFile, "token", "", "`FILE` with a token: requests must have the header Authorization: Bearer TOKEN, browsers log in")
	f.StringVar(&o.Certificate, "tls-cert", "", "PEM `FILE` with the certificate for HTTPS")
	f.StringVar(&o.Key, "tls-key", "", "PEM `FILE` with its key")
	f.StringVar(&o.RPC, "grpc", "", "`HOST:PORT` for TensorFlow Serving's gRPC Predict, as 127.0.0.1:8500; default: none")
	f.BoolVar(&bound, "end-with-parent", false, "end at once when the process that started the server ends")
	f.StringVar(&o.Profile, "pprof", "", "`HOST:PORT` for Go's profiles, as 127.0.0.1:6060; default: none")
	f.IntVar(&o.Threads.Intra, "threads", 0, "threads within one operation; 0: one per processor")
	f.IntVar(&o.Threads.Inter, "inter-threads", 0, "operations run concurrently; 0: 1")
	precisionFlag(f, &o.Precision)
	trustFlag(cmd, &o.Trust)
	limitFlags(cmd, &o.Limits)
	return cmd
}
