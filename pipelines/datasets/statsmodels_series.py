"""Real series that ship inside statsmodels, so nothing has to be downloaded.

options, beside those of pipelines/preparation/time_series.py:

    series      which one: co2, elnino or sunspots

The series:

    co2        weekly CO2 at Mauna Loa, ppm, 1958 to 2001: 2284 weeks, 59 of them missing, the last
               in 1985, 18 in a row in 1964 (Keeling and Whorf, Scripps Institution of Oceanography)
    elnino     monthly sea surface temperature off Peru, 0 to 10 S and 80 to 90 W, degC,
               1950 to 2010 (NOAA)
    sunspots   yearly sunspot numbers, 1700 to 2008 (NOAA National Geophysical Data Center)

`source` is the file that pins statsmodels, whose version determines the data.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pipelines import spec
from pipelines.preparation import time_series
from pipelines.preparation.time_grid import Observations

UNITS = {"co2": "ppm", "elnino": "degC", "sunspots": "spots"}
FREQUENCIES = {"co2": "W-SAT", "elnino": "MS", "sunspots": "YS"}
COLUMNS = {"co2": "co2", "elnino": "temperature", "sunspots": "sunspots"}


class Options(time_series.Options):
    series: Literal["co2", "elnino", "sunspots"]


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    times, values = load(options.series)
    units = {COLUMNS[options.series]: UNITS[options.series]}
    source = Path(f"statsmodels.datasets.{options.series}")
    data = Observations(source, times, values[:, None], units)
    return time_series.prepare(data, FREQUENCIES[options.series], options, out)


def load(name: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Times and values of a series, NaN where a value is missing."""
    from statsmodels import datasets  # takes seconds, and reading Options does not need it

    table = getattr(datasets, name).load_pandas().data
    if name == "co2":
        return pd.DatetimeIndex(table.index), table["co2"].to_numpy(np.float64)
    years = table["YEAR"].astype(int).astype(str)
    months = "MS" if name == "elnino" else "YS"
    values = table.drop(columns="YEAR").to_numpy(np.float64).ravel()
    return pd.date_range(f"{years.iloc[0]}-01-01", periods=len(values), freq=months), values
