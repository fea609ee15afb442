"""Operations and modules that a served graph may not use unless the configuration allows them.

A SavedModel is a program. This check refuses the known operations by which a graph reads or writes
files, opens connections or calls Python; it is no sandbox. Serve models from sources you trust.
"""

from collections.abc import Collection, Iterator, Mapping

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from serving.errors import LoadError, listed

MODULES = ("tensorflow_text",)
# Files.
REFUSED = frozenset(
    "ReadFile WriteFile MatchingFiles WholeFileReader WholeFileReaderV2 TextLineReader "
    "TextLineReaderV2 FixedLengthRecordReader FixedLengthRecordReaderV2 TFRecordReader "
    "TFRecordReaderV2 LMDBReader LMDBDataset TextLineDataset TFRecordDataset TFRecordDatasetV2 "
    "FixedLengthRecordDataset FixedLengthRecordDatasetV2 CSVDataset CSVDatasetV2 "
    "ExperimentalCSVDataset SqlDataset ExperimentalSqlDataset SnapshotDataset SnapshotDatasetV2 "
    "SaveDataset SaveDatasetV2 LoadDataset DatasetToTFRecord ExperimentalDatasetToTFRecord "
    "MatchingFilesDataset ExperimentalMatchingFilesDataset Save SaveSlices Restore RestoreSlice "
    "LoadAndRemapMatrix GenerateVocabRemapping ImmutableConst DebugIdentity DebugIdentityV2 "
    "DebugIdentityV3 DumpGraph CreateSummaryFileWriter CreateSummaryDbWriter DecodeProtoV2 "
    "EncodeProto FileSystemSetConfiguration "
    # Python and other processes.
    "PyFunc PyFuncStateless EagerPyFunc NumpyFunc GeneratorDataset RpcCall RpcClient RpcServer "
    "RpcServerStart DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3 "
    "DataServiceDatasetV4 RegisterDataset RegisterDatasetV2".split()
)
# Every SavedModel has these for its variables; a function that a client can call may not.
REFUSED_IN_SIGNATURES = frozenset(
    "SaveV2 RestoreV2 MergeV2Checkpoints CheckpointExists DeleteOldCheckpoints".split()
)


def check_modules(modules: Collection[str], allowed: Collection[str]) -> None:
    """Raises LoadError for a module to import that is not allowed."""
    if refused := set(modules) - set(allowed):
        raise LoadError(
            f"requires: {listed(refused):.200} would be imported, which is not allowed; "
            f"allowed: {listed(allowed)}; see allow_modules in docs/security.md"
        )


def check_graph(data: bytes, allowed: Collection[str]) -> SavedModel:
    """The parsed saved_model.pb, which has no refused operation.

    Args:
        data: content of saved_model.pb.
        allowed: names of refused operations that are allowed nevertheless.

    Raises:
        LoadError: the file is damaged or has a refused operation.
    """
    try:
        model = SavedModel.FromString(data)
    except DecodeError:
        raise LoadError("saved_model.pb is not a SavedModel") from None
    names: set[str] = set()
    for graph in (meta.graph_def for meta in model.meta_graphs):
        functions = {f.signature.name: f.node_def for f in graph.library.function}
        used = {node.op for nodes in (graph.node, *functions.values()) for node in nodes}
        names |= used & REFUSED
    for meta in model.meta_graphs:
        names |= set(operations_of_signatures(meta)) & REFUSED_IN_SIGNATURES
    if refused := names - set(allowed):
        raise LoadError(
            f"the graph has operations that are refused: {listed(refused):.200}; if you trust "
            "this model, allow them with --allow-operations (see docs/security.md)"
        )
    return model


def operations_of_signatures(meta) -> Iterator[str]:
    """Operations that a call of a signature can reach, through all functions that it calls."""
    nodes = {node.name: node for node in meta.graph_def.node}
    functions = {f.signature.name: f.node_def for f in meta.graph_def.library.function}
    waiting = [
        nodes[name]
        for definition in meta.signature_def.values()
        for info in definition.outputs.values()
        if (name := node_name(info.name)) in nodes
    ]
    seen_nodes, seen_functions = set(), set()
    while waiting:
        node = waiting.pop()
        yield node.op
        for name in map(node_name, node.input):
            # Inputs of a function's node are nodes of that function, all of which are added below.
            if name in nodes and name not in seen_nodes:
                seen_nodes.add(name)
                waiting.append(nodes[name])
        for name in called_functions(node):
            if name in functions and name not in seen_functions:
                seen_functions.add(name)
                waiting += functions[name]


def node_name(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def called_functions(node) -> Iterator[str]:
    yield node.op  # an operation can be the name of a function
    attributes: Mapping = node.attr
    for value in attributes.values():
        if value.HasField("func"):
            yield value.func.name
        for function in value.list.func:
            yield function.name
