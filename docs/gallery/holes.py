# ---
# jupyter:
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
"""# holes

To be written.
"""

# %%
1 + 1
