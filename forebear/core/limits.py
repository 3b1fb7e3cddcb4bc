"""Bounds on what an untrusted input may ask for. Each can be lifted by the caller, none by the file."""

from __future__ import annotations

MAX_HEADER_BYTES = 25 * 2**20
"""Largest safetensors header read without `--max-header`."""
MAX_TENSORS = 200_000
"""Most tensors one checkpoint may declare."""
MAX_DIMENSIONS = 8
"""Most dimensions one tensor may have."""
MAX_METADATA_ENTRIES = 10_000
"""Most entries of a header's `__metadata__`."""
MAX_PICKLE_OPCODES = 3_000_000
"""Most opcodes of one pickle."""
PICKLE_STEPS_FREE = 20_000
"""Places of a pickle's tree looked at besides one for each opcode: branches that are shared are few in what a program saves."""
MAX_ARRAY_BYTES = 8 * 2**30
"""Largest float32 array one read may ask for; larger tensors are walked by rows."""
MAX_SHARDS = 10_000
"""Most shard files one index may name."""
MAX_SHARD_HEADERS = 2**28
"""Most header bytes that all shards of a checkpoint may have together (10,000 links may all lead to one large header)."""
MAX_CONFIG_BYTES = 16 * 2**20
"""Largest configuration file read whole."""
MAX_TOML_BYTES = 8 * 2**20
"""Largest TOML file read."""
MAX_TEXT_BYTES = 2**30
"""Largest text that tokenizers are measured on."""
MAX_TOKENIZER_BYTES = 256 * 2**20
"""Largest tokenizer file read whole."""
DEFAULT_BUDGET_BYTES = 64 * 2**20
"""Tensor bytes read per side by a quick comparison."""
GAUGE_BUDGET_BYTES = 2**30
"""Tensor bytes read per side by the search for a rewritten copy among files on disk: every neuron of a layer has to be read, 180 MB
at 7B. Checkpoints at an address keep the budget of a quick comparison."""
READ_BLOCK_BYTES = 4 * 2**20
"""Largest piece of a tensor turned into float32 at once when streaming."""
MAX_JSON_VALUES = 3_000_000
"""Most values one JSON file may hold (the largest published tokenizer.json has about two and a half million)."""
MAX_NESTING = 100
"""Most levels of lists and objects in JSON or TOML (published configurations and tokenizers: at most 12)."""
MAX_DOCUMENT_BYTES = 2**30
"""Largest document of ours that is opened again."""
MAX_VOCABULARY = 4_194_304
"""Largest token id, plus one, that a vocabulary may use."""
MAX_SPARSE_ID, MOST_GAPS = 2**20, 64
"""Ids past the first number need one token for so many ids: tokens are laid out by id, and a short file must not fill memory."""
MAX_TOKEN_BYTES = 65_536
"""Longest token of a vocabulary."""
ENCODING_STEPS_A_CHARACTER = 64
"""Steps of encoding that one character of text may cost; of 13 published vocabularies none needs more than 3.1 on average."""
ENCODING_STEPS_FREE = 2**20
"""Steps of encoding whatever the size of the text."""
MAX_GROWTH = 32
"""How many times as long a text may become when it is normalised (NFKC: at most 18 times)."""
MAX_MERGES = 4_194_304
"""Most merges one tokenizer may declare."""
