// Package global explains a model by many images together. It has the strategies with which the
// model recognizes a class ([SpRAy]), a decision tree over named features that imitates the model
// ([Grow]), and the effect of a user's concepts on a class's score ([CAVs], [Compare]). The mean map
// of a class is [explain.Averager]. The package does not depend on TensorFlow.
//
// # First call
//
//	strategies, err := global.SpRAy{Seed: 1}.Cluster(ctx, maps)
//
// returns the groups of one class's maps, how their number was determined, and the central maps of
// each.
//
// # Properties
//
//   - "One strategy", "no better than the majority" and "not significant" are
//     results, reported with their numbers.
//   - Draws depend only on the seed: the same input in the same order gives the
//     same bits.
//   - Inputs are not changed. Long work stops when its context is canceled.
//
// # To add a feature
//
// Add a function of an image, and a line in [ImageFeatures] with name, unit and
// definition.
package global
