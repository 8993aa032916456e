"""Growth curves as SVG, both axes logarithmic; no library needed."""

import math

COLORS = {"keen": "#c0392b", "limit": "#7f8c8d", "libtorch": "#e67e22", "numpy": "#2980b9", "jax": "#27ae60"}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 460, 80, 110, 50, 60
CHARTS = {
    "growth_add_": ("c = a + b, float32", "elements", "operations a second", "growth_add.svg"),
    "growth_mlp_step_b": ("training step, 784-256-128-10", "batch", "microseconds", "growth_mlp_step.svg"),
    "growth_compile_": ("first call of a compiled function", "nodes of the graph", "milliseconds", "growth_compile.svg"),
    "growth_wide_": ("first call of a wide function", "nodes of the graph", "milliseconds", "growth_wide.svg"),
    "growth_replay_": ("later calls of a compiled function", "nodes of the graph", "microseconds", "growth_replay.svg"),
}


def decades(values):
    """The powers of ten around all values, as exponents."""
    return math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)


def chart(title, x_label, y_label, series):
    """`series` maps a name to [(x, y)]."""
    x_low, x_high = decades([x for points in series.values() for x, _ in points])
    y_low, y_high = decades([y for points in series.values() for _, y in points])

    def across(x):
        return LEFT + (math.log10(x) - x_low) / max(x_high - x_low, 1) * (WIDTH - LEFT - RIGHT)

    def up(y):
        return HEIGHT - BOTTOM - (math.log10(y) - y_low) / max(y_high - y_low, 1) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{LEFT}" y="28" font-size="16">{title}</text>',
           f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{x_label}</text>',
           f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{y_label}</text>']
    for e in range(x_low, x_high + 1):
        x = across(10.0**e)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">1e{e}</text>')
    for e in range(y_low, y_high + 1):
        y = up(10.0**e)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">1e{e}</text>')
    for name, points in series.items():
        color = COLORS.get(name, "#8e44ad")
        path = "L".join(f"{across(x):.1f} {up(y):.1f}" for x, y in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{color}"/>' for x, y in points]
    out += labels(series, across, up)
    return "\n".join(out + ["</svg>", ""])


def labels(series, across, up):
    """Names at the ends of their curves, kept apart."""
    ends = sorted((up(points[-1][1]), across(points[-1][0]), name) for name, points in series.items())
    lowest = -math.inf
    for y, x, name in ends:
        lowest = max(y + 4, lowest + 14)
        yield f'<text x="{x + 8:.1f}" y="{lowest:.1f}" fill="{COLORS.get(name, "#8e44ad")}">{name}</text>'


def growth(results, folder):
    """Draws each chart for which there are figures."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, (title, x_label, y_label, file) in CHARTS.items():
        series = {}
        for name, value in results.items():
            program, workload = name.split(".", 1)
            if workload.startswith(prefix):
                series.setdefault(program, []).append((float(workload.removeprefix(prefix)), value))
        if series:
            (folder / file).write_text(chart(title, x_label, y_label, {k: sorted(v) for k, v in series.items()}))
