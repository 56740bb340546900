package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/internal/paths"
	"oscar/worker"
)

// inStore adds --store to a command with arguments MODEL and images and the flag --out.
func inStore(cmd *cobra.Command) *cobra.Command {
	storeFlags(cmd.Flags())
	here := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		job := worker.PlanOptions{Verb: cmd.Name(), Out: cmd.Flag("out").Value.String()}
		if err := storeFlagsOf(cmd, &job.Store, &job.Scratch); err != nil {
			return err
		}
		if job.Store == "" || len(args) == 0 || job.Out == "" && job.Verb != "predict" {
			return here(cmd, args)
		}
		job.Model, job.Images = args[0], args[1:]
		if err := checkListed(cmd, slices.Contains(job.Images, "-")); err != nil {
			return err
		}
		if job.Out == "-" { // standard output
			job.Out = ""
		}
		if f := cmd.Flag("masks"); f != nil {
			job.Masks = f.Value.String()
		}
		return worker.InStore(cmd.Context(), job, func() error { return here(cmd, args) })
	}
	return cmd
}

// checkListed returns an error if standard input names images of a job in a store.
func checkListed(cmd *cobra.Command, listed bool) error {
	if listed {
		return usageError{errors.New("--store does not go with -: name files or folders of the store"), cmd.CommandPath()}
	}
	return nil
}

// checkStores returns an error for a store's URL in place of a path.
func checkStores(cmd *cobra.Command, args []string) error {
	names := slices.Clone(args)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "store" && f.Name != "from" {
			names = append(names, f.Value.String())
		}
	})
	for _, name := range names {
		if !paths.IsStore(name) {
			continue
		}
		if cmd.Flags().Lookup("store") != nil {
			return usageError{fmt.Errorf("%s: give the store by --store s3://BUCKET/PREFIX, and names below it", name), cmd.CommandPath()}
		}
		return usageError{fmt.Errorf("%s is in a store, and this command reads and writes folders; copy it, or see oscar plan --help", name), cmd.CommandPath()}
	}
	return nil
}
