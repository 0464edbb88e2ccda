//! Single words of other frameworks. Names of arguments, choices and statements stand without `_` and in small letters.

/// Names of arguments, and what they are called here, the likeliest first.
pub(super) const ARGUMENTS: &[(&str, &[&str])] = &[
    (
        "numheads nheads nhead nhd headsnum numattentionheads attentionheads numheadsq head h heads numberofheads",
        &["heads"],
    ),
    (
        "mlpratio expansion expansionfactor mult ffnratio hiddenratio mlpdimratio widening",
        &["ratio"],
    ),
    (
        "p prob dropprob dropoutrate dropout dropouts droprate keepprob probability",
        &["rate", "drop"],
    ),
    ("droppath droppathrate stochasticdepth stochasticdepthprob droplayer drop", &["drop", "rate"]),
    (
        "outfeatures units features outdim outchannels dout dimout outputdim outputsize filters hidden hiddenfeatures hiddensize",
        &["width", "hidden", "out"],
    ),
    (
        "embeddim embeddingdim dim dmodel hiddendim embedding channelsout embeddingsize width",
        &["width", "out"],
    ),
    ("usebias withbias addbias qkvbias", &["bias"]),
    ("epsilon layernormeps normeps varianceepsilon", &["eps"]),
    ("patchsize kernelsize kernel patch sizes tubeletsize patches stridesize", &["sizes"]),
    ("stride strides", &["stride", "sizes"]),
    (
        "vocabsize numembeddings vocab nvocab vocabularysize ntokens numtokens",
        &["vocabulary", "tokens"],
    ),
    (
        "maxlength seqlen maxlen contextlength seqlength sequencelength maxseqlen blocksize len maxtokens",
        &["length"],
    ),
    ("imgsize imagesize resolution framesize inputsize size height", &["size"]),
    ("inchans inchannels numchannels nchannels chans", &["channels"]),
    ("numframes nframes frames cliplen cliplength framecount", &["count"]),
    ("framerate framespersecond", &["fps"]),
    ("samplerate sr samplingrate fs", &["rate"]),
    ("duration secs length seconds maxseconds durationseconds", &["seconds", "length"]),
    ("nmels nummelbins mels numbins nbins nmel melbins", &["bins"]),
    ("hoplength hopsize frameshift step", &["hop"]),
    ("winlength winsize windowlength framelength", &["window"]),
    ("nfft fftsize fftlength", &["window", "fft"]),
    ("fmin lowfreq freqmin minfreq", &["low"]),
    ("fmax highfreq freqmax maxfreq", &["high"]),
    ("labelsmoothing", &["smoothing"]),
    ("numclasses nclasses classes numlabels", &["n"]),
    ("numlatents numqueries nlatents nqueries latents", &["tokens", "n_latents"]),
    ("tau temp t logitscale", &["temperature"]),
    ("windowsize win", &["window", "size"]),
    ("shiftsize", &["shift"]),
    ("depth numlayers layers nlayers nlayer numblocks n numhiddenlayers", &["depth"]),
    ("activation act actlayer fn func nonlinearity", &["function"]),
    ("mode type pooltype reduce pooling method kind", &["how", "kind"]),
    ("context kv memory key source src keyvalue encoderhiddenstates", &["from"]),
    ("mask attnmask attentionmask iscausal causal relation", &["within"]),
    ("pred prediction predictions output yhat", &["logits", "a"]),
    ("label labels y ytrue groundtruth truth", &["target", "b"]),
    ("input inputs", &["logits", "a"]),
    ("groups numgroups ngroups", &["n", "n_groups"]),
    ("init initializer weightinit kernelinit", &["init"]),
];

/// Arguments that say what is known here, or what is the affair of a run.
pub(super) const LEFT_OUT: &str = "infeatures indim inchannels inchans inputdim inputsize normalizedshape numfeatures \
    elementwiseaffine dtype device batchfirst batchsize batch axis dim keepdim keepdims requiresgrad inplace padding \
    paddingidx reduction name training train affine embeddim dmodel hiddensize hiddendim width kdim vdim keydim \
    normlayer actlayer qkvbias qknorm normfirst approximate dilation paddingmode seqlen imgsize numpatches antialias \
    center power dropout dimfeedforward headdim dhead attndrop projdrop attndropout vocabsize numembeddings";

/// Words where an argument chooses from a few: theirs, ours, and why where it is not the same.
pub(super) const CHOICES: &[(&str, &str, &str)] = &[
    ("rope rotary alibi", "learned", "rotary positions and ALiBi are not there"),
    (
        "relative rpe relativebias",
        "learned",
        "relative positions stand in the attention: `attend(x, scores: relative(window))`",
    ),
    ("absolute abs learnable learnt embedding trainable 1d 2d", "learned", ""),
    ("sin sine sincos sincos2d sinusoid cosine fixed", "sinusoidal", ""),
    ("ff fourierfeatures", "fourier", ""),
    ("cls clstoken classtoken token class bos start", "first", ""),
    ("avg average gap globalaverage reducemean", "mean", ""),
    ("max gmp amax", "mean", "max pooling is not there"),
    ("sum add", "mean", "a sum over the tokens is not there"),
    ("eos eot end", "last", ""),
    ("swish", "silu", ""),
    ("quickgelu gelunew gelupytorchtanh geluapprox", "gelu_tanh", ""),
    ("leakyrelu elu selu prelu mish relu6", "relu", "it is not there"),
    ("relu2 relusquared", "squared_relu", ""),
    ("linear", "bilinear", ""),
    ("cubic", "bicubic", ""),
    ("area average antialias", "box", ""),
    ("stretch fill resize", "squash", ""),
    ("letterbox contain", "pad", ""),
    ("zero zeros constant", "pad", ""),
    ("centercrop cover center", "crop", ""),
    ("repeat wrap tile cycle", "loop", ""),
    ("symmetric bidirectional", "both", ""),
    ("htkmel", "htk", ""),
];

/// Names that stand for values elsewhere: theirs, ours, and why.
pub(super) const VALUES: &[(&str, &str, &str)] = &[
    ("False FALSE no off", "false", "truth values are `true` and `false`"),
    ("True TRUE yes on", "true", "truth values are `true` and `false`"),
    (
        "full dense bidirectional full_attention everything",
        "all",
        "the relation that allows everything is `all`",
    ),
    (
        "causal_mask autoregressive look_ahead is_causal lower_triangular tril",
        "causal",
        "the relation is called `causal`",
    ),
    ("pi PI", "3.141592653589793", "numbers have no names"),
    ("inf Infinity", "1e6", "numbers are finite"),
    (
        "xavier_uniform glorot glorot_uniform xavier_normal xavier_uniform_ he kaiming kaiming_normal kaiming_uniform",
        "xavier",
        "the starts are xavier, truncated(std), normal(std), uniform(bound) and numbers",
    ),
    (
        "trunc_normal trunc_normal_ truncated_normal",
        "truncated(0.02)",
        "a start says its deviation",
    ),
    ("zeros zeros_", "0", "a start may be a number"),
    ("ones ones_", "1", "a start may be a number"),
];

/// What one asks of tokens.
pub(super) const ATTRIBUTES: &[(&str, &str)] = &[
    ("shape size sizes dims", "grid"),
    (
        "width channels dmodel embeddim features hidden hiddensize d c embed embeddimension nchannels",
        "dim",
    ),
    ("len length seqlen n numtokens ntokens t count sequencelength", "tokens"),
];

/// Words that begin statements elsewhere, and what to write.
pub(super) const STATEMENTS: &[(&str, &str)] = &[
    (
        "optimizer optim adamw adam sgd",
        "how a model is trained stands in its run's YAML file: `optimizer: { kind: adamw }`",
    ),
    (
        "lr learningrate schedule scheduler warmup rate",
        "how a model is trained stands in its run's YAML file: `rate: { peak: 5e-4 }`",
    ),
    ("batch batchsize", "how a model is trained stands in its run's YAML file: `batch: 64`"),
    (
        "epochs epoch steps train fit trainer training",
        "how a model is trained stands in its run's YAML file, and is begun with `zorro train run.yaml`",
    ),
    (
        "weightdecay clip clipgrad",
        "how a model is trained stands in its run's YAML file: `optimizer: { kind: adamw, weight_decay: 0.05, clip: 1 }`",
    ),
    (
        "dataset data dataloader loader augment augmentation mixup precision device seed amp",
        "data and training stand in the run's YAML file, not in the spec",
    ),
    (
        "import from include require using package",
        "there is nothing to import: leave the line out; blocks of another file are had with `use \"blocks.zorro\"`",
    ),
    (
        "print echo log println",
        "nothing is printed: `zorro check` shows the model; leave the line out",
    ),
    (
        "class struct module nnmodule network net",
        "a network is `model name { .. }`, a layer `block name(heads) { .. }`",
    ),
    ("pass continue break end done global self super", "leave it out"),
    (
        "try with async yield raise except del switch match case do goto",
        "there is no such statement; the language has `repeat` and `when`",
    ),
];
