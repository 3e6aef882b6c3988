"""How figures grow with the clients, as an SVG: one panel a figure, both axes by powers of ten, so that what is proportional
rises at the angle of the dashed line."""

import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 310, 290, 48, 28, 34, 76
COLOURS = ["#1f6f8b", "#c8553d"]
STYLE = ("text{font:11px sans-serif;fill:#333}.title{font-weight:bold;font-size:12px}.grid{stroke:#ddd}"
         ".linear{stroke:#999;stroke-dasharray:4 3;fill:none}.line{fill:none;stroke-width:2}")


class Axis:
    """Powers of ten around `values`, laid from `start` to `end`."""

    def __init__(self, values, start, end):
        self.first = math.floor(math.log10(min(values)))
        self.last = max(self.first + 1, math.ceil(math.log10(max(values))))
        self.start, self.end = start, end

    def at(self, value):
        share = (math.log10(value) - self.first) / (self.last - self.first)
        return self.start + share * (self.end - self.start)

    def powers(self):
        return [10.0**power for power in range(self.first, self.last + 1)]


def panel(title, lines, left):
    """A panel of `lines`, each a name and its points, with its left edge at `left`."""
    points = [point for _, line in lines for point in line]
    x = Axis([clients for clients, _ in points], left + LEFT, left + WIDTH - RIGHT)
    y = Axis([value for _, value in points], HEIGHT - BOTTOM, TOP)
    yield f'<text class="title" x="{left + LEFT}" y="20">{title}</text>'
    for power in x.powers():
        yield f'<path class="grid" d="M{x.at(power):.1f} {y.start}V{y.end}"/>'
        yield f'<text x="{x.at(power):.1f}" y="{y.start + 16}" text-anchor="middle">{power:,.0f}</text>'
    for power in y.powers():
        yield f'<path class="grid" d="M{x.start} {y.at(power):.1f}H{x.end}"/>'
        yield f'<text x="{x.start - 6}" y="{y.at(power) + 4:.1f}" text-anchor="end">{power:,.10g}</text>'
    yield f'<text x="{(x.start + x.end) / 2}" y="{y.start + 32}" text-anchor="middle">clients</text>'
    # From the first point of the first line, in proportion, as far as the panel goes.
    clients, value = lines[0][1][0]
    most = min(points[-1][0] / clients, 10.0**y.last / value)
    ends = f"M{x.at(clients):.1f} {y.at(value):.1f}L{x.at(clients * most):.1f} {y.at(value * most):.1f}"
    yield f'<path class="linear" d="{ends}"/>'
    for (name, line), colour in zip(lines, COLOURS):
        places = [(x.at(clients), y.at(value)) for clients, value in line]
        path = "L".join(f"{across:.1f} {up:.1f}" for across, up in places)
        yield f'<path class="line" stroke="{colour}" d="M{path}"/>'
        yield from (f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3" fill="{colour}"/>' for across, up in places)
        yield f'<text x="{x.start}" y="{y.start + 50 + 15 * COLOURS.index(colour)}" style="fill:{colour}">{name}</text>'


def drawn(panels):
    """The whole picture of `panels`: each a title and its lines."""
    width = WIDTH * len(panels)
    marks = [mark for at, (title, lines) in enumerate(panels) for mark in panel(title, lines, WIDTH * at)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}">'
    return "\n".join([head, f"<style>{STYLE}</style>", '<rect width="100%" height="100%" fill="#fff"/>', *marks, "</svg>\n"])
