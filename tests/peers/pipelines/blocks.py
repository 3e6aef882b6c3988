"""Writes the YAML of a document into files: `workflow-N.yml` of GitHub, `gitlab-N.yml` of GitLab.

    blocks.py DOCUMENT DIRECTORY
"""

import re
import sys
from pathlib import Path

document, directory = sys.argv[1:]
blocks = re.findall(r"^```yaml\n(.*?)^```$", Path(document).read_text(), re.DOTALL | re.MULTILINE)
kinds = {"workflow": lambda text: re.search("^jobs:", text, re.MULTILINE),
         "gitlab": lambda text: re.search("^  script:", text, re.MULTILINE)}
for kind, is_one in kinds.items():
    found = [text for text in blocks if is_one(text)]
    if not found:
        sys.exit(f"{document} has no {kind}")
    for number, text in enumerate(found, 1):
        Path(directory, f"{kind}-{number}.yml").write_text(text)
