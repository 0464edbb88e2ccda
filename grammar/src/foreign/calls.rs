//! Calls of other frameworks. Their names stand without `_` and in small letters, their arguments by our names.

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// A template for what stands in its place.
    Here(&'static str),
    /// A template for a statement, with `(|` and `|)` for braces.
    Statement(&'static str),
    /// It is left out.
    LeaveOut,
    /// The reason says it all.
    Advice,
    /// The arguments after one another, or side by side.
    Concat,
}

/// A call of another framework: its names, its arguments in order, what it is here, and why.
pub(super) struct Row {
    pub(super) names: &'static str,
    pub(super) signature: &'static str,
    pub(super) form: Form,
    pub(super) why: &'static str,
}

const fn row(names: &'static str, signature: &'static str, form: Form, why: &'static str) -> Row {
    Row { names, signature, form, why }
}

const WIDTH_KNOWN: &str =
    "the width of what comes in is known; `linear` takes the width that it makes";
const NORM: &str = "the width is known; layer norm is `norm`";
const VOCABULARY_KNOWN: &str = "the vocabulary is known; `embed` takes the width that it makes";
const POSITIONS: &str = "positions know the grid and the width";
const PATCHES: &str = "patches and a linear layer; the channels are known";
const OVERLAP: &str = "convolutions that overlap are not there; one whose stride is its kernel is `patches(16, 16) |> linear(64)`";
const ATTENTION: &str =
    "attention is one operation, with its linear layers for q, k, v and the result";
const LAYER: &str = "layers are applied over a route, which says who reads whom";
const ONE_FUNCTION: &str = "it works on every number, and takes no arguments";
const NO_BATCH: &str = "tokens have a grid and a width and no batch axis, so nothing is reshaped";
const POOL: &str = "pooling makes one token";
const PICTURES: &str =
    "pictures are scaled by their source: `image(size: 224)`; augmentation is the run's";
const BY_MASK: &str = "who reads whom is the route's: write `a <- a within causal`";
const LOSS: &str = "a loss takes its operands: logits and a target";
const CONTRAST: &str = "the contrastive loss is `nce`; similarities and negatives are its own";
const LEARNED: &str =
    "what is learned is `latents(tokens, width)`, or `learned([width])` for one vector";
const ACTIVATIONS: &str =
    "not there: the functions are gelu, gelu_tanh, relu, squared_relu, silu, sigmoid, tanh";
const LOSSES: &str = "not there: the losses are cross_entropy, sigmoid_cross_entropy, nce, mse";
const RUN: &str = "how a model is trained is said by its run's YAML file";

/// Where several rows have a name, the first one that the arguments fit.
pub(super) const CALLS: &[Row] = &[
    row(
        "linear dense fc proj project projection lazylinear",
        "_ width bias",
        Form::Here("linear({width}[, bias: {bias}])"),
        WIDTH_KNOWN,
    ),
    row(
        "linear dense fc proj project projection lazylinear",
        "width _ bias",
        Form::Here("linear({width}[, bias: {bias}])"),
        WIDTH_KNOWN,
    ),
    row(
        "embedding embed nnembed wordembedding tokenembedding tokenembed",
        "_ width",
        Form::Here("embed({width})"),
        VOCABULARY_KNOWN,
    ),
    row(
        "embedding embed nnembed wordembedding tokenembedding tokenembed",
        "width",
        Form::Here("embed({width})"),
        VOCABULARY_KNOWN,
    ),
    row(
        "layernorm norm ln layernormalization",
        "_ eps _ bias",
        Form::Here("norm([eps: {eps}][, bias: {bias}])"),
        NORM,
    ),
    row(
        "rmsnorm llamarmsnorm rmsnormalization",
        "_ eps",
        Form::Here("rms_norm([eps: {eps}])"),
        "the width is known",
    ),
    row(
        "batchnorm batchnormalization groupnorm instancenorm syncbatchnorm",
        "*",
        Form::Here("norm()"),
        "no sample depends on others here: norms are over the width",
    ),
    row(
        "multiheadattention multiheadselfattention multiheaddotproductattention selfattention attention attn mha crossattention attend causalselfattention sdpa",
        "width heads * bias",
        Form::Here("attend([heads: {heads}][, bias: {bias}])"),
        ATTENTION,
    ),
    row(
        "multiheadattention multiheadselfattention multiheaddotproductattention selfattention attention attn mha crossattention",
        "heads *",
        Form::Here("attend([heads: {heads}])"),
        ATTENTION,
    ),
    row(
        "scaleddotproductattention dotproductattention matmul bmm mm einsum dot",
        "*",
        Form::Advice,
        "attention is one operation: write `attend(x, heads: 4)`; a matrix of weights is `linear(width)`",
    ),
    row(
        "transformer transformerencoder transformerencoderlayer transformerblock transformerlayer encoderlayer encoder encoderblock vitblock vitlayer vitencoder block layer residualattentionblock",
        "_ heads depth *",
        Form::Statement(
            "layers: repeat {depth=6} (| apply vit(heads: {heads=4}) over (| GROUP <- GROUP |) |)",
        ),
        LAYER,
    ),
    row(
        "transformerdecoder transformerdecoderlayer decoderlayer decoderblock gpt gptblock causallm causaltransformer",
        "_ heads depth *",
        Form::Statement(
            "layers: repeat {depth=6} (| apply vit(heads: {heads=4}) over (| GROUP <- GROUP within causal |) |)",
        ),
        LAYER,
    ),
    row(
        "perceiverresampler perceiverattention resampler",
        "_ heads depth *",
        Form::Advice,
        "latents that read are `tokens z = latents(8, 64)` and `apply perceiver(heads: 4) over { z <- a }`",
    ),
    row(
        "mlp feedforward ffn mlpblock feedforwardnetwork positionwisefeedforward",
        "*",
        Form::Here("mlp()"),
        "an MLP widens by `ratio` and comes back to its width",
    ),
    row(
        "swiglu geglu glu swiglumlp",
        "*",
        Form::Here("geglu_mlp()"),
        "a gated MLP that comes back to its width",
    ),
    row(
        "dropout alphadropout featuredropout",
        "rate",
        Form::Here("dropout({rate=0.1})"),
        "the rate has no other name",
    ),
    row(
        "droppath stochasticdepth",
        "rate",
        Form::Here("drop_path({rate=0.1})"),
        "the rate has no other name",
    ),
    row("softmax", "*", Form::Here("softmax"), "softmax is over the width"),
    row("logsoftmax", "*", Form::Here("softmax |> log"), "softmax is over the width"),
    row("gelu", "*", Form::Here("gelu"), ONE_FUNCTION),
    row("quickgelu gelutanh newgelu", "*", Form::Here("gelu_tanh"), ONE_FUNCTION),
    row("relu", "*", Form::Here("relu"), ONE_FUNCTION),
    row("relusquared squaredrelu relu2", "*", Form::Here("squared_relu"), ONE_FUNCTION),
    row("silu swish", "*", Form::Here("silu"), ONE_FUNCTION),
    row("sigmoid", "*", Form::Here("sigmoid"), ONE_FUNCTION),
    row("tanh", "*", Form::Here("tanh"), ONE_FUNCTION),
    row("exp", "*", Form::Here("exp"), ONE_FUNCTION),
    row("log", "*", Form::Here("log"), ONE_FUNCTION),
    row(
        "leakyrelu elu selu prelu relu6 mish hardswish softplus celu",
        "*",
        Form::Advice,
        ACTIVATIONS,
    ),
    row(
        "conv convolution",
        "_ width sizes stride",
        Form::Here("patches({sizes}) |> linear({width})"),
        OVERLAP,
    ),
    row(
        "patchembed patchembedding patchembeddings tubeletembedding patchify",
        "_ sizes _ width",
        Form::Here("patches({sizes})[ |> linear({width})]"),
        PATCHES,
    ),
    row(
        "patchembed patchembedding patchembeddings tubeletembedding patchify",
        "sizes width",
        Form::Here("patches({sizes})[ |> linear({width})]"),
        PATCHES,
    ),
    row(
        "sinusoidalpositionalencoding sinusoidalpositionalembedding sinusoidalposition sincosposembed sinusoidal",
        "*",
        Form::Here("position(kind: sinusoidal)"),
        POSITIONS,
    ),
    row(
        "positionalencoding positionencoding positionalembedding positionembedding positionembeddings posembed posemb posenc posencoding addpositionembs addposition positional learnedpositionalembedding absoluteposition position",
        "*",
        Form::Here("position()"),
        POSITIONS,
    ),
    row(
        "rope rotary rotaryembedding rotarypositionalembedding applyrotaryposemb alibi",
        "*",
        Form::Here("position()"),
        "rotary positions and ALiBi are not there; positions are learned or sinusoidal and added to the tokens",
    ),
    row(
        "maxpool maxpooling globalmaxpool adaptivemaxpool max amax",
        "*",
        Form::Here("pool(mean)"),
        "max pooling is not there; pooling takes the mean, the first or the last token",
    ),
    row(
        "avgpool averagepool averagepooling meanpool meanpooling globalaveragepooling globalavgpool adaptiveavgpool gap mean avg average reducemean pool pooling",
        "*",
        Form::Here("pool(mean)"),
        POOL,
    ),
    row("takecls clspool firsttoken clstokenpool", "*", Form::Here("pool(first)"), POOL),
    row(
        "cat concatenate concat concatenation hstack vstack",
        "",
        Form::Concat,
        "tokens after one another are `concat(a, b)`, widths side by side `join(a, b)`",
    ),
    row(
        "stack",
        "*",
        Form::Advice,
        "there is no axis to stack along: tokens after one another are `concat(a, b)`",
    ),
    row("add", "", Form::Advice, "tokens are added with `+`: write `a + b`"),
    row(
        "rearrange reshape view permute transpose flatten unsqueeze squeeze expand contiguous swapaxes moveaxis unflatten to cuda cpu float half detach clone stopgradient tohwc",
        "*",
        Form::LeaveOut,
        NO_BATCH,
    ),
    row("identity checkpoint compile", "*", Form::LeaveOut, "it does nothing here"),
    row(
        "sequential modulelist chain compose",
        "*",
        Form::Advice,
        "operations follow one another with `|>`: write `a |> linear(64) |> gelu`",
    ),
    row(
        "upsample interpolate pixelshuffle unfold fold convtranspose deconv",
        "*",
        Form::Advice,
        "grids grow by `pad` alone; for what is read at another size, declare latents that read it",
    ),
    row(
        "clstoken classtoken addcls addclstoken prependcls",
        "*",
        Form::Advice,
        "a class token is learned: write `concat(latents(1, 32), a)` with the width of `a`",
    ),
    row("parameter randn zeros ones rand empty variable weight", "*", Form::Advice, LEARNED),
    row(
        "maskedfill tril triu causalmask generatesquaresubsequentmask makecausalmask mask attnmask where",
        "*",
        Form::Advice,
        BY_MASK,
    ),
    row(
        "chunk split unbind",
        "*",
        Form::Advice,
        "a part is a slice: write `tokens first = a[0..2]`",
    ),
    row(
        "indexselect select narrow gather take",
        "*",
        Form::Advice,
        "some of the tokens are `a[0..2]`, or `gather(a, [0, 2])`",
    ),
    row("power pow square", "*", Form::Advice, "there is no power: write the product, `a * a`"),
    row(
        "sqrt rsqrt abs clamp clip sin cos sign erf minimum maximum var std norml2 sum cumsum argmax topk",
        "*",
        Form::Advice,
        "not there on tokens: the functions are exp, log, tanh, sigmoid, and `+ - * /`",
    ),
    row(
        "resize centercrop randomresizedcrop randomcrop randomhorizontalflip horizontalflip totensor toimage pilttotensor randaugment colorjitter autoaugment augment specaugment convertimagedtype",
        "*",
        Form::LeaveOut,
        PICTURES,
    ),
    row(
        "normalize",
        "mean std",
        Form::Here("normalize({mean=0.5}, {std=0.5})"),
        "the mean and the deviation, of all channels or one for each",
    ),
    row(
        "melspectrogram logmelspectrogram mel melspec logmelspec",
        "bins window hop",
        Form::Here("logmel(bins: {bins=128}, window: {window=400}, hop: {hop=160})"),
        "the sample rate is the wave's; windows and hops are in samples",
    ),
    row(
        "stft specgram",
        "window hop",
        Form::Here("spectrogram(window: {window=400}, hop: {hop=160})"),
        "windows and hops are in samples",
    ),
    row("amplitudetodb powertodb todb", "*", Form::LeaveOut, "`logmel` takes the logarithm"),
    row(
        "video videos clip clips",
        "count fps size",
        Form::Here("frames(count: {count=8}, fps: {fps=8}, size: {size=224})"),
        "the sources are frames, image, wave, text, tensor",
    ),
    row(
        "images picture pictures photo img rgb",
        "size channels",
        Form::Here("image(size: {size=224}[, channels: {channels}])"),
        "the sources are frames, image, wave, text, tensor",
    ),
    row(
        "audio sound waveform speech",
        "rate seconds",
        Form::Here("wave(rate: {rate=16000}, seconds: {seconds=1})"),
        "the sources are frames, image, wave, text, tensor",
    ),
    row(
        "tokens tokenizer sentence string caption words ids",
        "length vocabulary",
        Form::Here("text(length: {length=16}, vocabulary: {vocabulary=1000})"),
        "the sources are frames, image, wave, text, tensor",
    ),
    row(
        "input placeholder array features vector",
        "shape",
        Form::Here("tensor({shape})"),
        "the sources are frames, image, wave, text, tensor",
    ),
    row(
        "crossentropyloss softmaxcrossentropy categoricalcrossentropy sparsecategoricalcrossentropy nllloss ce celoss labelsmoothingcrossentropy crossentropy softmaxcrossentropywithintegerlabels",
        "logits target smoothing",
        Form::Here("cross_entropy({logits}, {target}[, smoothing: {smoothing}])"),
        "the loss takes the logits and the target, and the softmax is its own",
    ),
    row(
        "crossentropyloss softmaxcrossentropy categoricalcrossentropy sparsecategoricalcrossentropy nllloss ce celoss labelsmoothingcrossentropy",
        "*",
        Form::Advice,
        "a loss takes its operands: write `cross_entropy(logits, label)`",
    ),
    row(
        "bceloss bcewithlogitsloss bce bcewithlogits binarycrossentropy binarycrossentropywithlogits sigmoidbinarycrossentropy multilabelsoftmarginloss",
        "logits target",
        Form::Here("sigmoid_cross_entropy({logits}, {target})"),
        "the loss takes the logits and the target, and the sigmoid is its own",
    ),
    row(
        "bceloss bcewithlogitsloss bce bcewithlogits binarycrossentropy binarycrossentropywithlogits",
        "*",
        Form::Advice,
        "a loss takes its operands: write `sigmoid_cross_entropy(logits, labels)`",
    ),
    row("mseloss meansquarederror l2loss l2", "a b", Form::Here("mse({a}, {b})"), LOSS),
    row(
        "l1loss smoothl1loss huberloss mae meanabsoluteerror l1 huber",
        "a b",
        Form::Here("mse({a}, {b})"),
        LOSSES,
    ),
    row(
        "infonce infonceloss ntxent ntxentloss cliploss contrastiveloss contrastive supcon siglip",
        "a b temperature",
        Form::Here("nce({a}, {b}[, temperature: {temperature}])"),
        CONTRAST,
    ),
    row(
        "cosinesimilarity cosineembeddingloss tripletmarginloss triplet",
        "*",
        Form::Advice,
        CONTRAST,
    ),
    row("ctcloss ctc kldivloss kldiv focalloss hingeloss", "*", Form::Advice, LOSSES),
    row(
        "categorical onehot label classlabel int long integer",
        "n",
        Form::Here("class({n})"),
        "targets are `class(n)`, `classes(n)` and `tensor(shape)`",
    ),
    row(
        "multilabel multihot labels tags",
        "n",
        Form::Here("classes({n})"),
        "targets are `class(n)`, `classes(n)` and `tensor(shape)`",
    ),
    row(
        "float32 floattensor regression scalar",
        "shape",
        Form::Here("tensor({shape})"),
        "targets are `class(n)`, `classes(n)` and `tensor(shape)`",
    ),
    row(
        "window windowed localwindow slidingwindow windowattention local near",
        "size",
        Form::Here("windows({size})"),
        "the relations are causal, windows(size), groups(n) and all",
    ),
    row("causal all", "*", Form::Advice, "it is a relation and takes no parentheses"),
    row(
        "adam adamw sgd lion optimizer scheduler trainer train fit dataloader",
        "*",
        Form::Advice,
        RUN,
    ),
];
