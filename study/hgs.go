package study

// hgs is the study of He, Gu and Shi ("Recycling waste sorting", Stanford
// CS230): a softmax and a support vector machine as the head of AlexNet02, each
// plain, with dropout and with partial augmentation; and two other networks. Its
// test accuracies are of the epoch that was best on the test set, which flatters.
func hgs() Study {
	s := DefaultStudy()
	s.Name = "hgs"
	s.Why = "Which head, which regularisation and which network sorts waste best?"
	s.Base = keys{
		"architecture": "alexnet02",
		"data":         keys{"fractions": []any{0.75, 0.1, 0.15}},
		"training":     keys{"epochs": 40, "batch": 32, "learning_rate": 5e-6},
	}
	s.Explain.Layer = "conv5"
	s.Variants = []Variant{
		{Name: "softmax", Why: "The plain recipe; 0.7030 after its last epoch.", Reported: accuracy(0.7251)},
		{Name: "softmax-dropout", Why: "Dropout 0.5 before fc1 and fc2, for 80 epochs with twice the rate, which decays.",
			Insert: dropouts(), Training: decaying(), Reported: accuracy(0.7267)},
		{Name: "softmax-augmented", Why: "Partial augmentation: 20 epochs of changed images, then 40 of plain ones.",
			Training: partial(), Reported: accuracy(0.8009)},
		{Name: "svm", Why: "A support vector machine as the head: linear with L2, categorical hinge loss; 0.6619 after its last epoch.",
			Replace: svmHead(), Training: hinge(nil), Reported: accuracy(0.7109)},
		{Name: "svm-dropout", Why: "The same with dropout.", Against: "svm",
			Replace: svmHead(), Insert: dropouts(), Training: hinge(decaying()), Reported: accuracy(0.7235)},
		{Name: "svm-augmented", Why: "The same with partial augmentation; the report's headline is 0.7994.", Against: "svm",
			Replace: svmHead(), Training: hinge(partial()), Reported: accuracy(0.7678)},
		{Name: "vgg11", Why: "A deeper network, with Adam 1e-3, at its own 224x224.",
			Architecture: "vgg11", Training: keys{"learning_rate": 1e-3}, Reported: accuracy(0.2354)},
		{Name: "resnet50", Why: "A residual network of 23,698,310 parameters: 227x227, no padding before the first pooling, and max pooling 2x2 with all 18,432 values at the end.",
			Architecture: "resnet50", Input: []int{227, 227, 3}, Without: []string{"pad_pool1"},
			Replace: map[string]Layer{"gap": {"kind": "max_pool2d", "size": 2, "stride": 2, "padding": "VALID"}},
			Insert:  []Insert{{After: "gap", Layers: []Layer{{"name": "flatten", "kind": "flatten"}}}}, Reported: map[string]float64{"test_accuracy": 0.4929, "train_accuracy": 0.7687}},
	}
	s.Claims = hgsClaims()
	return s
}

func accuracy(test float64) map[string]float64 { return map[string]float64{"test_accuracy": test} }

// decaying is the recipe with dropout: the rate is lr / (1 + decay * step).
func decaying() keys {
	return keys{"epochs": 80, "learning_rate": 1e-5, "schedule": keys{"kind": "inverse_time", "decay": 2.5e-7}}
}

// partial is the recipe with partial augmentation.
func partial() keys {
	return keys{"epochs": 60, "augmentation": keys{"phases": []any{keys{
		"epochs": 20, "width_shift": 0.1, "height_shift": 0.1, "rotation": 45, "zoom": 0.1, "horizontal_flip": true, "vertical_flip": true,
	}}}}
}

// hinge is a recipe with the hinge loss.
func hinge(training keys) keys {
	if training == nil {
		training = keys{}
	}
	training["loss"] = keys{"kind": "categorical_hinge"}
	return training
}

func svmHead() map[string]Layer { return map[string]Layer{"fc3": {"kind": "dense", "l2": 0.01}} }

// hgsClaims are what the report's table says.
func hgsClaims() []Claim {
	const source = "He, Gu and Shi"
	var out []Claim
	claim := func(text, variant, against, direction string) {
		out = append(out, Claim{Text: text, Source: source, Variant: variant, Against: against, Measure: "test_accuracy", Direction: direction})
	}
	claim("partial augmentation raises test accuracy with a softmax (0.8009 for 0.7251)", "softmax-augmented", "softmax", higher)
	claim("partial augmentation raises test accuracy with an SVM (0.7678 for 0.7109)", "svm-augmented", "svm", higher)
	claim("dropout raises test accuracy with a softmax (0.7267 for 0.7251)", "softmax-dropout", "softmax", higher)
	claim("dropout raises test accuracy with an SVM (0.7235 for 0.7109)", "svm-dropout", "svm", higher)
	claim("an SVM is worse than a softmax, plain (0.7109 for 0.7251)", "svm", "softmax", lower)
	claim("an SVM is worse than a softmax, with partial augmentation (0.7678 for 0.8009)", "svm-augmented", "softmax-augmented", lower)
	claim("VGG11 is worse than AlexNet (0.2354 for 0.7251)", "vgg11", "softmax", lower)
	claim("ResNet50 is worse than AlexNet (0.4929 for 0.7251)", "resnet50", "softmax", lower)
	return out
}
