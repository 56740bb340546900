package weights

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"oscar/tfmodel"
)

// schemes is the table of other programs' names: a line per architecture and program.
var schemes = []scheme{
	{program: "Keras Applications", architecture: "mobilenet_v2", layout: kerasLayout, module: kerasMobileNetV2},
	{program: "torchvision", architecture: "mobilenet_v2", layout: torchLayout, module: torchMobileNetV2, prepare: torchvision},
	{program: "efficientnet-pytorch", architecture: "efficientnet_lite0", layout: torchLayout, module: efficientNetPyTorch},
	{program: "Keras, as scripts/fetch-weights", architecture: "efficientnet_lite0", layout: kerasLayout, module: kerasEfficientNet},
	{program: "Keras Applications", architecture: "resnet50", layout: kerasLayout, module: kerasResNet50, prepare: caffe, bgr: true},
	{program: "torchvision", architecture: "resnet50", layout: torchLayout, module: torchResNet, prepare: torchResNet50},
	{program: "torchvision", architecture: "resnet18", layout: torchLayout, module: torchResNet, prepare: torchvision},
	{program: "Keras Applications", architecture: "vgg16", layout: kerasLayout, module: kerasVGG16, prepare: caffe, bgr: true},
}

// block matches the name of a layer within a block: block2b/expand_conv,
// block2a_expand_conv.
var block = regexp.MustCompile(`^block(\d+)([a-z]?|_\d+)[/_]([a-z0-9_]+)$`)

// part is a layer of a block.
type part struct {
	block  int    // the number in its name
	second string // the rest, such as b or _2
	layer  string
}

// partOf parses the name of a layer.
func partOf(layer string) (p part, ok bool) {
	m := block.FindStringSubmatch(layer)
	if m == nil {
		return p, false
	}
	n, err := strconv.Atoi(m[1])
	return part{n, m[2], m[3]}, err == nil
}

// kerasMobileNetV2: stem_conv is Conv1, block2/expand_bn is block_2_expand_BN.
func kerasMobileNetV2(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"stem_conv": "Conv1", "stem_bn": "bn_Conv1", "top_conv": "Conv_1", "top_bn": "Conv_1_bn", "fc": "predictions"}[layer]
	}
	name := "expanded_conv"
	if p.block > 0 {
		name = fmt.Sprint("block_", p.block)
	}
	end, ok := strings.CutSuffix(p.layer, "_bn")
	if ok {
		return name + "_" + end + "_BN"
	}
	return name + "_" + strings.TrimSuffix(p.layer, "_conv")
}

// torchMobileNetV2: block2/expand_bn is features.3.conv.0.1. The first block has no
// expansion.
func torchMobileNetV2(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"stem_conv": "features.0.0", "stem_bn": "features.0.1", "top_conv": "features.18.0", "top_bn": "features.18.1", "fc": "classifier.1"}[layer]
	}
	parts := map[string]string{"expand_conv": "0.0", "expand_bn": "0.1", "depthwise_conv": "1.0", "depthwise_bn": "1.1", "project_conv": "2", "project_bn": "3"}
	if p.block == 0 {
		parts = map[string]string{"depthwise_conv": "0.0", "depthwise_bn": "0.1", "project_conv": "1", "project_bn": "2"}
	}
	return under(fmt.Sprintf("features.%d.conv.", p.block+1), parts[p.layer])
}

// under returns a name with a prefix, "" without a name.
func under(prefix, name string) string {
	if name == "" {
		return ""
	}
	return prefix + name
}

// repeats are the numbers of blocks in EfficientNet-B0's stages.
var repeats = []int{1, 2, 2, 3, 3, 4, 1}

// efficientNetPyTorch: block2b/expand_bn is _blocks.2._bn0. Blocks are numbered.
func efficientNetPyTorch(layer string) string {
	p, ok := partOf(layer)
	if !ok || p.second == "" || p.block < 1 || p.block > len(repeats) {
		return map[string]string{"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1", "fc": "_fc"}[layer]
	}
	n := int(p.second[0] - 'a')
	for _, r := range repeats[:p.block-1] {
		n += r
	}
	return under(fmt.Sprintf("_blocks.%d.", n), map[string]string{
		"expand_conv": "_expand_conv", "expand_bn": "_bn0", "depthwise_conv": "_depthwise_conv", "depthwise_bn": "_bn1", "project_conv": "_project_conv", "project_bn": "_bn2",
	}[p.layer])
}

// kerasEfficientNet: block2b/expand_bn is block2b_expand_bn.
func kerasEfficientNet(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"stem_conv": "stem_conv", "stem_bn": "stem_bn", "top_conv": "top_conv", "top_bn": "top_bn", "fc": "predictions"}[layer]
	}
	return under(fmt.Sprintf("block%d%s_", p.block, p.second), map[string]string{
		"expand_conv": "expand_conv", "expand_bn": "expand_bn", "depthwise_conv": "dwconv", "depthwise_bn": "bn", "project_conv": "project_conv", "project_bn": "project_bn",
	}[p.layer])
}

// kerasResNet50: block1_2/conv3 is conv2_block2_3_conv.
func kerasResNet50(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"conv1": "conv1_conv", "bn1": "conv1_bn", "fc": "predictions"}[layer]
	}
	kind, number := p.layer[:len(p.layer)-1], p.layer[len(p.layer)-1:]
	if kind != "conv" && kind != "bn" {
		return ""
	}
	return fmt.Sprintf("conv%d_block%s_%s_%s", p.block+1, strings.TrimPrefix(p.second, "_"), number, kind)
}

// torchResNet: block1_2/conv3 is layer1.1.conv3, block1_1/bn0 is layer1.0.downsample.1.
func torchResNet(layer string) string {
	p, ok := partOf(layer)
	if !ok {
		return map[string]string{"conv1": "conv1", "bn1": "bn1", "fc": "fc"}[layer]
	}
	i, err := strconv.Atoi(strings.TrimPrefix(p.second, "_"))
	if err != nil {
		return ""
	}
	name := p.layer
	switch name {
	case "conv0":
		name = "downsample.0"
	case "bn0":
		name = "downsample.1"
	}
	return fmt.Sprintf("layer%d.%d.%s", p.block, i-1, name)
}

// kerasVGG16: conv1_2 is block1_conv2.
func kerasVGG16(layer string) string {
	if stage, number, ok := strings.Cut(strings.TrimPrefix(layer, "conv"), "_"); ok && strings.HasPrefix(layer, "conv") {
		return "block" + stage + "_conv" + number
	}
	return map[string]string{"fc1": "fc1", "fc2": "fc2", "fc3": "predictions"}[layer]
}

// ImageNet's means and standard deviations in PyTorch, and its means in Caffe.
var (
	imageNet   = &tfmodel.Normalization{Mean: scaled(0.485, 0.456, 0.406), Std: scaled(0.229, 0.224, 0.225)}
	caffeMeans = &tfmodel.Normalization{Mean: []float64{123.68, 116.779, 103.939}, Std: []float64{1, 1, 1}}
)

// scaled converts values of 0..1 to 0..255.
func scaled(shares ...float64) []float64 {
	for i := range shares {
		shares[i] *= 255
	}
	return shares
}
