"""Names of arguments, read from source files: nothing heavy is imported to check params.yaml.

Builders and objectives are parsed, not imported, so a typo in the last experiment is reported
before the first one is trained.
"""

import ast
from pathlib import Path

from pipelines.config import search_path
from pipelines.config.errors import UserError

Parameters = dict[str, tuple[ast.arg, ast.expr | None]]  # name -> (parameter, default value)
ROOT = Path(__file__).parents[2]
OBJECTIVE_FUNCTIONS = {"loss": "loss", "decide": "fit_decision_rule"}  # section -> function


def builders(module: str) -> dict[str, list[str]]:
    """Builder name -> hyperparameter names, read from the source of models/<module>.py.

    A builder is a public function whose first parameter is `spec`; hyperparameters are its
    keyword-only parameters.
    """
    return {
        name: [argument.arg for argument in node.args.kwonlyargs]
        for name, node in parsed_functions(search_path.file("models", module)).items()
        if not name.startswith("_") and node.args.args and node.args.args[0].arg == "spec"
    }


def parameters(function: ast.FunctionDef) -> Parameters:
    """Name -> (parameter, default value) of the keyword-only parameters."""
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return {argument.arg: (argument, default) for argument, default in pairs}


def builder_parameters(module: str, name: str) -> Parameters:
    return parameters(parsed_functions(search_path.file("models", module))[name])


def objective_parameters(task: str) -> dict[str, Parameters]:
    """Section of an experiment -> the parameters of its function in the task's objective.py."""
    functions = objective_functions(search_path.file("tasks", task) / "objective.py")
    return {key: parameters(functions[name]) for key, name in OBJECTIVE_FUNCTIONS.items()}


def objective_arguments(task: str) -> dict[str, tuple[str, list[str]]]:
    """Section of an experiment -> (function of the task's objective.py, names of its arguments).

    Raises:
        UserError: the objective lacks one of the functions.
    """
    path = search_path.file("tasks", task) / "objective.py"
    functions, arguments = objective_functions(path), {}
    for section, name in OBJECTIVE_FUNCTIONS.items():
        if name not in functions:
            raise UserError(
                "function-missing",
                f"no function `{name}`; a task's objective must define or import "
                f"{' and '.join(OBJECTIVE_FUNCTIONS.values())}",
                path=path.relative_to(ROOT) if path.is_relative_to(ROOT) else path, value=name,
            )  # fmt: skip
        names = [argument.arg for argument in functions[name].args.kwonlyargs]
        arguments[section] = (f"{name} of {task}", names)
    return arguments


def objective_functions(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions of a task's objective.py, those it defines and those it imports."""
    functions = parsed_functions(path)
    for node in ast.parse(path.read_text("utf-8")).body:
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and module.startswith("pipelines."):
            file = ROOT / f"{module.replace('.', '/')}.py"
            imported = (
                parsed_functions(file) if file.is_file() else {}
            )  # a package has modules only
            functions |= {
                alias.asname or alias.name: imported[alias.name]
                for alias in node.names
                if alias.name in imported
            }
    return functions


def parsed_functions(path: Path) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
