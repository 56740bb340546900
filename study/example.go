package study

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// Init writes a study file to begin with: [Example], or a study that comes with
// oscar if name is not "".
func Init(name, path string) error {
	text := []byte(Example)
	if name != "" {
		s, err := Builtin(name)
		if err != nil {
			return err
		}
		if text, err = s.YAML(); err != nil {
			return err
		}
		text = append([]byte("# oscar study run FILE DATA --out DIR\n"), text...)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; name a new file", path)
	}
	if err := atomicfile.Write(path, text); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, paths.TrimError(err))
	}
	return nil
}

// Example is a study file that explains itself: what oscar study init writes if
// it is not told a name.
const Example = `# A study: a base experiment, and variants that are edits of it. All are trained
# with every seed on one split of the images, compared, and explained.
#
#   oscar study run study.yaml DATA --out DIR

name: mine
why: Which parts of this network matter?

# What all variants have in common: keys of an experiment, as oscar train
# --experiment takes them, but for the seed and the layer to explain. Left out:
# the plain recipe of AlexNet02.
base:
  architecture: tiny # alexnet02, resnet10, vgg11 ..., or {name, input, layers}
  data: {fractions: [0.7, 0.15, 0.15]}
  training: {epochs: 30, batch: 32, learning_rate: 1e-3}

# Each decides initial weights, order, augmentation and dropout of a run of every
# variant. Two are the least that a claim can be decided by; three say more.
seeds: [1, 2]

# one: all runs have the split of the first seed, so that variants are compared
# on the same test images. seed: each seed has its own.
split: one

explain:
  methods: [gradcam] # of oscar explain --list-methods; claims speak of the first
  images: 8          # test images of each class
  mosaics: 10        # mosaics of each class, for focus; 0: none
  layer: conv5       # where variants have it; elsewhere the last convolution

# The first is the base and has no edits. The others: architecture, input,
# without, replace, insert, training, data, in that order. layer: another layer
# to explain. against: another variant to be compared with. reported: figures
# that others published, by measure.
variants:
  - name: baseline
  - name: no-normalisation
    why: What does batch normalisation do?
    without: [batch_normalization] # a kind of layer: all of them; or names
  - name: dropout
    why: Does more dropout help?
    insert:
      - {before: fc3, layers: [{name: dropout2, kind: dropout, rate: 0.5}]}
    training: {epochs: 40}
  - name: svm
    why: A support vector machine as the head.
    replace:
      fc3: {kind: dense, l2: 0.01} # units: one for each class
    training: {loss: {kind: categorical_hinge}}

# Sentences to be tested: supported, not supported, or undecided. Measures:
# train_accuracy, train_loss, fitted_accuracy, fitted_loss, val_accuracy,
# val_loss, test_accuracy, test_loss, test_f1, images_per_second, peak_memory;
# of the explanations focus, energy, intensity, empty, sparsity, likeness_rank,
# likeness_ssim.
claims:
  - text: without normalisation the network learns less
    variant: no-normalisation
    measure: train_accuracy
    direction: lower # or higher: of the variant, against the base
    margin: 0.01     # the smallest difference that counts; left out: 0
`
