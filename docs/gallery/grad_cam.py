# ---
# jupyter:
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
"""# grad_cam

To be written.
"""

# %%
1 + 1
