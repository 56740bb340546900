package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"oscar/internal/text"
	"oscar/verify"
)

func newVerify(*globalFlags) *cobra.Command {
	var accept, asJSON bool
	cmd := &cobra.Command{
		Use:   "verify DIR...",
		Short: "Compare folders of results with the checksums of their files",
		Long: `Read all files of DIR, a folder that oscar made, and of the folders in it, and
compare them with their SHA-256 in SHA256SUMS. It prints the state of
each folder, and for each damaged file what to do:

  whole     every file is as oscar wrote it
  damaged   a file differs or is missing
  unlisted  files have no checksum: an older oscar made them
  foreign   oscar did not make it; it is not checked

Other files in a folder of results are listed, but do not affect the result. The
exit status is 0 if all folders are whole, else 1. "sha256sum -c SHA256SUMS" in a
folder compares its files, too.

--accept records the current files: those that you changed, and those without a
checksum.`,
		Example: `  oscar verify runs/first
  oscar verify runs/* --json`,
		Args: arguments("DIR..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			folders := []*verify.Folder{}
			var bad []string
			for _, dir := range args {
				if accept {
					if err := verify.Accept(cmd.Context(), dir); err != nil {
						return err
					}
				}
				f, err := verify.Dir(cmd.Context(), dir)
				if err != nil {
					return err
				}
				folders = append(folders, f)
				for _, in := range f.All() {
					if in.State != verify.Whole {
						bad = append(bad, in.Path)
					}
				}
			}
			w := cmd.OutOrStdout()
			if asJSON {
				encoder := json.NewEncoder(w)
				encoder.SetIndent("", "  ")
				if err := encoder.Encode(folders); err != nil {
					return err
				}
			} else {
				for _, f := range folders {
					for _, in := range f.All() {
						printFolder(w, in)
					}
				}
			}
			if len(bad) > 0 {
				return fmt.Errorf("%s not whole, the first is %s", text.Count(len(bad), "folder"), bad[0])
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&accept, "accept", false, "record the current files")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// printFolder prints the state of a folder, with its damaged and unlisted files.
func printFolder(w io.Writer, f *verify.Folder) {
	kind := f.Kind
	switch {
	case kind != "":
	case f.State == verify.Foreign:
		kind = "not of oscar"
	case f.Files == 0:
		kind = "folders of results"
	default:
		kind = "files with checksums"
	}
	fmt.Fprintf(w, "%-9s %s: %s, %s, %s\n", f.State, f.Path, kind, text.Count(f.Files, "file"), bytes(f.Bytes))
	for _, d := range f.Damaged {
		what := "damaged"
		if d.Gone {
			what = "missing"
		}
		fmt.Fprintf(w, "  %s  %s\n           %s\n", what, filepath.Join(f.Path, filepath.FromSlash(d.Path)), d.Remedy)
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"no checksum", f.Unlisted}, {"not of oscar", f.Foreign}} {
		const most = 5
		for i, name := range list.names {
			if i == most && len(list.names) > most+1 {
				fmt.Fprintf(w, "  %s  and %d more\n", list.what, len(list.names)-most)
				break
			}
			fmt.Fprintf(w, "  %s  %s\n", list.what, filepath.Join(f.Path, filepath.FromSlash(name)))
		}
	}
}
