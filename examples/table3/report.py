"""Tables and a figure of finished runs.

In: results as `run.py` stores them. Out: Markdown between two marks of `table3.md`, and `table3.svg`; or text on the terminal.
"""
import math
import os

MODELS = ["two_streams", "input_level", "bottleneck", "zorro"]
# Rows of contrastive runs: name, model, objective, how many nce terms that has.
CONTRASTIVE = [
    ("two_streams", "two_streams", "contrastive", 1),
    ("input_level", "input_level", "contrastive", 1),
    ("bottleneck", "bottleneck", "contrastive", 1),
    ("zorro", "zorro", "contrastive", 3),
    ("zorro, first term alone", "zorro", "streams", 1),
    ("forced_input_level", "forced_input_level", "contrastive", 1),
    ("forced_bottleneck", "forced_bottleneck", "contrastive", 1),
]
BEGIN, END = "<!-- results: made by examples/table3/run.py -->", "<!-- end of results -->"
OTHER = {"image": "sound", "sound": "image"}
COLORS = ["#4c72b0", "#dd8452", "#55a868"]


def score(rows, output, given, zeroed=()):
    """In percent; none where it cannot be had."""
    for row in rows:
        if row["output"] == output and row["given"] == list(given) and row["zeroed"] == list(zeroed):
            return None if row["score"] is None else 100 * row["score"]
    return None


def cell(numbers):
    """The mean, and how far the seeds lie apart."""
    numbers = [number for number in numbers if number is not None]
    if not numbers:
        return "-"
    spread = f" ({min(numbers):.1f}-{max(numbers):.1f})" if len(numbers) > 1 else ""
    return f"{sum(numbers) / len(numbers):.1f}{spread}"


def table(heads, rows):
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1)] + rows
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def of(results, **wanted):
    return [result for result in results if all(result["run"][key] == value for key, value in wanted.items())]


def scores(results):
    return [result["eval"]["evaluation"]["targets"][0]["scores"] for result in results]


def alone(found, modality, output, zeroed):
    return [score(rows, output, [modality], [OTHER[modality]] if zeroed else []) for rows in found]


def supervised(results):
    text = ""
    for protocol in ("noisy official", "noisy held-out", "clean official", "clean held-out"):
        for zeroed in (True, False):
            rows = []
            for model in MODELS:
                runs = of(results, model=model, protocol=protocol, objective="supervised", settings="")
                found = scores(runs)
                row = [model, cell([score(rows, "mean", ["image", "sound"]) for rows in found])]
                for modality in ("image", "sound"):
                    row += [cell(alone(found, modality, f"{modality}_logits", zeroed)), cell(alone(found, modality, "mean", zeroed))]
                rows.append(row)
            how = "zeroed" if zeroed else "dropped"
            heads = [f"{protocol}, absent {how}", "both", "image: own output", "image: mean", "sound: own output", "sound: mean"]
            text += table(heads, rows)
    return text


def contrastive(results):
    rows = []
    log_n = math.log(128)
    for name, model, objective, terms in CONTRASTIVE:
        for result in of(results, model=model, objective=objective):
            losses = result["losses"]
            at_300 = next((loss for step, loss in losses if step >= 300), losses[-1][1])
            probe = result["probe"]["probe"]["scores"]
            recall = [
                row["recall"]["1"] for row in result["eval"]["evaluation"]["retrieval"]
                if {row["from"], row["to"]} == {"image_z", "sound_z"} and row["given"] == ["image", "sound"]
            ]
            rows.append(
                [name, str(losses[-1][0]), f"{at_300:.2f}", f"{losses[-1][1]:.2f}", f"{losses[-1][1] / log_n:.3f}"]
                + [cell([score(probe, "mean", ["image", "sound"])])]
                + [cell([score(probe, f"{modality}_features", [modality])]) for modality in ("image", "sound")]
                + [cell([100 * number]) for number in recall] + [str(terms)]
            )
    text = (
        f"Batches of 128: chance is {log_n:.2f}, and pairs that share only one of ten classes allow no less than about "
        f"{log_n - math.log(10):.2f} for image and sound.\n\n"
    )
    heads = ["contrastive", "steps", "loss at step 300", "last loss", "of log N", "probe, both", "probe, image alone", "probe, sound alone",
             "image to sound", "sound to image", "nce terms"]
    return text + table(heads, rows)


def appendix_c(results):
    rows = []
    for start in range(4):
        settings = f"set: {{ fusion_start: {start} }}\n" if start else ""
        found = scores(of(results, model="zorro", protocol="noisy official", objective="supervised", settings=settings, seed=0))
        row = [str(start), cell([score(rows, "mean", ["image", "sound"]) for rows in found])]
        row += [cell([score(rows, "fusion_logits", ["image", "sound"]) for rows in found])]
        rows.append(row + [cell(alone(found, modality, f"{modality}_logits", False)) for modality in ("image", "sound")])
    return table(["fusion from layer", "both", "fusion output", "image alone", "sound alone"], rows)


def figure(results):
    """Bars: both modalities, and each alone with the other zeroed; the mean of all outputs."""
    width, height, left, low = 720, 300, 46, 250
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    y = lambda percent: low - 2 * percent
    for percent in range(0, 101, 20):
        parts.append(f'<line x1="{left}" x2="{width - 10}" y1="{y(percent)}" y2="{y(percent)}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y(percent) + 4}" text-anchor="end">{percent}</text>')
    for at, model in enumerate(MODELS):
        found = scores(of(results, model=model, protocol="noisy official", objective="supervised", settings=""))
        bars = [[score(rows, "mean", ["image", "sound"]) for rows in found]]
        bars += [alone(found, modality, f"{modality}_logits", True) for modality in ("image", "sound")]
        for bar, numbers in enumerate(bars):
            if numbers:
                mean, x = sum(numbers) / len(numbers), left + 20 + 165 * at + 42 * bar
                parts.append(f'<rect x="{x}" y="{y(mean):.1f}" width="36" height="{low - y(mean):.1f}" fill="{COLORS[bar]}"/>')
                parts.append(f'<text x="{x + 18}" y="{y(mean) - 4:.1f}" text-anchor="middle">{mean:.1f}</text>')
        parts.append(f'<text x="{left + 80 + 165 * at}" y="{low + 16}" text-anchor="middle">{model}</text>')
    for at, name in enumerate(["both, mean of outputs", "image, sound zeroed, own output", "sound, image zeroed, own output"]):
        parts.append(f'<rect x="{left + 215 * at}" y="{low + 28}" width="12" height="12" fill="{COLORS[at]}"/>')
        parts.append(f'<text x="{left + 18 + 215 * at}" y="{low + 38}">{name}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def report(results, docs):
    """Writes into a folder; without one, prints."""
    minutes = sum(result["seconds"] for result in results) / 60
    text = "### Supervised\n\n" + supervised(results) + "### Contrastive, with linear probes\n\n" + contrastive(results)
    text += "### Where fusion begins\n\n" + appendix_c(results)
    text += f"{len(results)} trainings, {minutes:.0f} minutes in all.\n"
    if docs is None:
        print(text)
        return
    path = os.path.join(docs, "table3.md")
    with open(path) as file:
        page = file.read()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
    with open(os.path.join(docs, "table3.svg"), "w") as file:
        file.write(figure(results))
