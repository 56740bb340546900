package study

import "fmt"

// rules returns sentences about how the numbers of a result were computed.
func rules(s Study) []string {
	split := fmt.Sprintf("All runs have one split, made with seed %d, so that variants are compared on the same test images; the seeds change initial weights, order, augmentation and dropout. Intervals say nothing of another split.", s.Seeds[0])
	if s.Split == SeedSplit {
		split = "Each seed has a split of its own, the same for all variants; it also changes initial weights, order, augmentation and dropout."
	}
	return []string{
		split,
		"The epoch with the best validation figure is kept; the test part is looked at once, with it. Training accuracy and loss are of the last epoch.",
		"Over seeds: of three or more the mean and Student's 95 % interval; of two the mean and their range, because Student's factor for two is 12.7; of one no interval over seeds, but Wilson's for test accuracy, and the bootstrap's over images for figures of explanations.",
		"McNemar's exact test, two-sided, compares the answers to the same test images, each run with the other variant's run of the same seed. Seeds are not pooled; p is the largest of them.",
		fmt.Sprintf("Explained is each image's own class, of the same %d test images of each class in every variant, chosen by a hash of content and seed.", s.Explain.Images),
		"A claim is decided by the difference of the two variants' means over seeds (for intensity: of logarithms) with its 95 % interval: two-sample t over the seeds, to which the variance over images is added where there is a value an image. Supported: the interval lies on the claimed side of the margin; not supported: on the other side; otherwise, and with fewer than two seeds, undecided.",
	}
}
