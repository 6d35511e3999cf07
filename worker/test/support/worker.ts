/** The Worker under test, with containers that workerd's test runner can have. */
import * as edge from "../../src/index";
import { partsOf } from "../../src/tenant/nodes/names";
import { containerNamed } from "./containers";

export { EventStream, FeedBell, Gate, TenantObject } from "../../src/index";
export default edge.default;

function fakeOf({ id }: DurableObjectState): Container {
  return containerNamed(id.name ?? "", partsOf(id.name).role) as unknown as Container;
}

export class CertsContainer extends edge.CertsContainer {
  protected override containerOf(ctx: DurableObjectState): Container {
    return fakeOf(ctx);
  }
}
export class IndexerContainer extends edge.IndexerContainer {
  protected override containerOf(ctx: DurableObjectState): Container {
    return fakeOf(ctx);
  }
}
export class ManagerContainer extends edge.ManagerContainer {
  protected override containerOf(ctx: DurableObjectState): Container {
    return fakeOf(ctx);
  }
}
export class DashboardContainer extends edge.DashboardContainer {
  protected override containerOf(ctx: DurableObjectState): Container {
    return fakeOf(ctx);
  }
}
