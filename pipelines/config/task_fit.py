"""Which tasks the recipes and model modules of this project are for.

Names that are not listed here, those of packages that extend the project, are not checked.
"""

TEXT, IMAGE = "text_classification", "image_classification"
SERIES, PAIRS = "forecasting", "translation"
KNOWN = (TEXT, IMAGE, SERIES, PAIRS)
RECIPES = {
    TEXT: ("text_csv", "text_folder", "text_lines"),
    IMAGE: ("digits", "idx", "image_folder"),
    SERIES: ("statsmodels_series", "timeseries_csv"),
    PAIRS: ("cldr_phrases", "parallel_text"),
}
MODULES = {
    TEXT: ("ngrams", "pretrained_text", "recurrent", "text_cnn", "transformer_classifier"),
    IMAGE: ("lenet", "resnet", "small_cnn", "transfer", "vgg", "vit"),
    SERIES: ("linear", "recurrent_forecasters", "segment_gru", "tcn"),
    PAIRS: ("seq2seq", "transformer"),
}


def of_recipe(name: str) -> list[str]:
    """The tasks that a recipe makes data for; none where it is not known."""
    return [task for task, names in RECIPES.items() if name in names]


def of_module(name: str) -> list[str]:
    """The tasks that a module's models are for; none where it is not known."""
    return [task for task, names in MODULES.items() if name in names]
