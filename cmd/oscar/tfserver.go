package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"oscar/cluster"
	"oscar/pipeline"
)

func newTFServer(*globalFlags) *cobra.Command {
	var (
		listen  string
		threads int
		bound   bool
	)
	cmd := &cobra.Command{
		Use:   "tf-server",
		Short: "Compute steps of oscar train --cluster for another machine",
		Long: `Start a TensorFlow server that computes shares of the steps of "oscar train
--cluster". It needs neither the images nor a model, stores nothing, and serves any
number of trainings, one after another. It prints its address, and serves until
SIGINT or SIGTERM.

There is no authentication and no encryption. Whoever can reach the address can run
any TensorFlow operations, including those that read and write files, with the
rights of this user. The default address is reachable only from this machine. Use an
address of a private network, never one on the internet.

All machines need the same version of oscar and of TensorFlow.`,
		Example: `  oscar tf-server
  oscar tf-server --listen 10.0.0.5:7701 --threads 16`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m := pipeline.Machine{Threads: pipeline.Threads{Intra: threads}}
			if err := m.Check(); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			loopback, err := cluster.CheckListen(listen)
			if err != nil {
				return usageError{fmt.Errorf("listen: %w", err), cmd.CommandPath()}
			}
			if bound {
				if err := endWithParent(); err != nil {
					return err
				}
			}
			if !loopback {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: whoever reaches %s can run programs as this user\n", listen)
			}
			address, err := cluster.Serve(listen, m.Threads)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "listening on %s\n", address); err != nil {
				return err
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:7701", "address host:port, of a private network; port 0: a free one")
	f.IntVar(&threads, "threads", 0, "threads within one operation; 0: one per processor")
	f.BoolVar(&bound, "end-with-parent", false, "end at once when the process that started the server ends")
	return cmd
}

const defaultWorkerWait = 5 * time.Minute

// clusterOnly are the flags that need --cluster.
var clusterOnly = []string{"step-timeout", "worker-wait", "min-workers"}

// clusterFlags are the flags for training on a cluster.
type clusterFlags struct {
	path    string
	options cluster.Options
}

func (c *clusterFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.path, "cluster", "", "compute on the workers of this file, see oscar tf-server")
	f.DurationVar(&c.options.StepTimeout, "step-timeout", cluster.DefaultStepTimeout, "with --cluster: maximum time of a step")
	f.DurationVar(&c.options.Wait, "worker-wait", defaultWorkerWait, "with --cluster: maximum time to wait for workers\nthat do not answer")
	f.IntVar(&c.options.Least, "min-workers", 0, "with --cluster: minimum number of workers to continue\nwith if the others do not come back; 0: all")
}

// read sets the cluster of a machine if there is one.
func (c *clusterFlags) read(cmd *cobra.Command, m *pipeline.Machine) (err error) {
	if !cmd.Flags().Changed("cluster") {
		for _, name := range clusterOnly {
			if cmd.Flags().Changed(name) {
				return usageError{fmt.Errorf("--%s needs --cluster", name), cmd.CommandPath()}
			}
		}
		return nil
	}
	if c.options.Spec, err = cluster.Read(c.path); err != nil {
		return err
	}
	m.Cluster = &c.options
	return nil
}
