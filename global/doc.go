// Package global explains a model by many images at once: by which strategies
// it recognises a class ([SpRAy]), by which rules over named features it could
// be imitated ([Grow]), and which of a user's concepts move a class's score
// ([CAVs], [Compare]). The mean map of a class is [explain.Averager]. It knows
// nothing of TensorFlow.
//
// # First call
//
//	strategies, err := global.SpRAy{Seed: 1}.Cluster(ctx, maps)
//
// tells in how many groups the maps of one class fall, how that was decided,
// and which maps are in the middle of each.
//
// # What holds
//
//   - The answer "one strategy", "no better than the majority" or "not
//     significant" is a result, and given with its figures.
//   - What is drawn is a function of the seed alone: the same input in the same
//     order gives the same bits.
//   - Inputs are not changed. Long work stops when its context is cancelled.
//
// # To add a feature
//
// A function of an image, and a line in [ImageFeatures] with name, unit and
// definition.
package global
