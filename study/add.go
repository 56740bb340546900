package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"oscar/internal/machine"
	"oscar/internal/resultdir"
	"oscar/pipeline"
	"oscar/result"
	runfolder "oscar/run"
)

// AddOptions are the options of [Add].
type AddOptions struct {
	Dir      string // a study's folder
	Addition Addition
	Memory   int64 // as in [Options]
	Machine  pipeline.Machine
	Command  []string // as in [Options]
	Listener Listener
}

// Add adds a variant to a study, runs the unfinished runs and compares again. The variant gets the
// same split, seeds and cut as the others. The same call resumes after an interruption.
func Add(ctx context.Context, o AddOptions) (_ *result.Study, err error) {
	if !isStudy(o.Dir) {
		return nil, fmt.Errorf("%s is not a study's folder: it has no %s", o.Dir, planFile)
	}
	if err := o.Machine.Check(); err != nil {
		return nil, err
	}
	j := &job{Options: Options{Out: o.Dir, Memory: o.Memory, Machine: o.Machine, Command: o.Command, Listener: o.Listener}}
	if j.Memory == 0 {
		j.Memory = machine.Memory()
	}
	dir, err := resultdir.Open(o.Dir, kind)
	if err != nil {
		return nil, err
	}
	defer runfolder.Release(ctx, dir, &err)
	if err := j.restore(plan{}); err != nil {
		return nil, err
	}
	if err := j.readPlan(); err != nil {
		return nil, err
	}
	if err := j.addVariant(o.Addition); err != nil {
		return nil, err
	}
	if err := j.ready(); err != nil {
		return nil, err
	}
	return j.run(ctx)
}

// addVariant adds a variant to the plan, unless the plan has it.
func (j *job) addVariant(a Addition) error {
	j.Study = j.plan.Study
	if was, err := j.Study.variant(a.Name); err == nil {
		if text := difference("variant "+a.Name, tree(was), tree(a.Variant)); text != "" {
			return fmt.Errorf("%s has a %s; give the new variant another name", j.Out, text)
		}
		return nil
	}
	j.Study.Variants = append(j.Study.Variants, a.Variant)
	j.Study.Claims = append(j.Study.Claims, a.Claims...)
	if err := cmp.Or(j.Study.checkAddition(a), j.Study.Check()); err != nil {
		if a.path != "" {
			err = fmt.Errorf("%s: %w", a.path, err)
		}
		return err
	}
	split := j.splits[j.Study.Seeds[0]]
	e, err := j.Study.experiment(a.Variant, len(split.Classes))
	if err != nil {
		return err
	}
	if classes, err := e.Architecture.Classes(); err != nil || classes != len(split.Classes) {
		return errors.Join(err, fmt.Errorf("variant %s ends with %d units for %d classes", a.Name, classes, len(split.Classes)))
	}
	j.plan.Added = append(j.plan.Added, a.Name)
	return j.write()
}

// checkAddition checks the study's last variant and its claims. Errors number the claims as in the
// addition's file.
func (s Study) checkAddition(a Addition) error {
	if err := a.checkName(); err != nil {
		return fmt.Errorf("the variant %w", err)
	}
	if err := s.checkVariant(len(s.Variants) - 1); err != nil {
		return err
	}
	for i, c := range a.Claims {
		if err := s.checkClaim(c); err != nil {
			return fmt.Errorf("variant %s: claim %d: %w", a.Name, i+1, err)
		}
	}
	return nil
}
