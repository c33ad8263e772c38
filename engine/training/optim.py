# SPDX-License-Identifier: Apache-2.0
"""Muon for the hidden matrices (the momentum made orthogonal by a Newton-Schulz iteration: Jordan et al. 2024), AdamW for
everything else. Matrices of one shape are handled together."""
import torch


def orthogonal(g, steps=5):
    """Nearest half-orthogonal matrices to g [k, m, n], roughly."""
    x = g.bfloat16()
    turned = x.shape[1] > x.shape[2]
    if turned:
        x = x.transpose(1, 2)
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for _ in range(steps):
        a = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.transpose(1, 2) if turned else x).contiguous()


class Muon:
    def __init__(self, model, lr=.02, adam_lr=1.5e-3, decay=.01, momentum=.95, size=1, rank=0):
        """size, rank: of a team of processes; each makes its share of the matrices orthogonal and sends them to the others."""
        self.size, self.rank = size, rank
        self.lr, self.adam_lr, self.decay, self.momentum = lr, adam_lr, decay, momentum
        matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and ("blocks" in n or "layers" in n or "merger" in n)]
        ids = {id(p) for p in matrices}
        self.groups = {}
        for p in matrices:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.owner, cost = {}, [0] * size
        for shape, ps in sorted(self.groups.items(), key=lambda kv: (-len(kv[1]) * kv[0][0] * kv[0][1] * min(kv[0]), kv[0])):
            self.owner[shape] = cost.index(min(cost))
            cost[self.owner[shape]] += len(ps) * shape[0] * shape[1] * min(shape)
        self.buffers = {shape: torch.zeros(len(ps), *shape) for shape, ps in self.groups.items()}
        rest = [p for p in model.parameters() if id(p) not in ids]
        self.adam = torch.optim.AdamW([dict(params=[p for p in rest if p.dim() > 1], weight_decay=decay), dict(params=[p for p in rest if p.dim() < 2], weight_decay=0)],
                                      lr=adam_lr, betas=(.9, .98), eps=1e-9)

    def share(self, steps):
        """Everybody gets what each has made."""
        for rank in range(self.size if self.size > 1 else 0):
            mine = [u for shape, u in steps.items() if self.owner[shape] == rank]
            flat = torch.cat([u.reshape(-1) for u in mine])
            torch.distributed.broadcast(flat.view(torch.uint8), rank)
            for u, part in zip(mine, flat.split([u.numel() for u in mine])):
                u.copy_(part.view_as(u))

    @torch.no_grad()
    def step(self, scale):
        """scale: of both learning rates, by the schedule."""
        steps = {}
        for shape, ps in self.groups.items():
            g = torch.stack([p.grad for p in ps])
            buffer = self.buffers[shape] = self.buffers[shape].to(g.device)
            buffer.lerp_(g, 1 - self.momentum)
            own = self.owner[shape] == self.rank
            steps[shape] = orthogonal(g.lerp_(buffer, self.momentum)) if own else torch.empty_like(g, dtype=torch.bfloat16)
        self.share(steps)
        for shape, ps in self.groups.items():
            u = steps[shape].float()
            size = max(1, shape[0] / shape[1]) ** .5
            for p, d in zip(ps, u):
                p.mul_(1 - self.lr * scale * self.decay).add_(d, alpha=-self.lr * scale * size)
        for group in self.adam.param_groups:
            group["lr"] = self.adam_lr * scale
        self.adam.step()

    def state(self):
        return dict(buffers=self.buffers, adam=self.adam.state_dict())

    def load(self, state):
        self.buffers = state["buffers"]
        self.adam.load_state_dict(state["adam"])
