// Everything that is on the screen whatever the page, and parts that most pages use. `build/split-pages.ts` adds them to
// each page, so that esbuild makes one file of them, not one for every set of pages that share something.
import './app.tsx';
import '../data/agents.ts';
import '../data/figures.ts';
import '../data/use-action.ts';
import '../ui/card/card.tsx';
import '../ui/copy/copy-button.tsx';
import '../ui/figures/meter.tsx';
import '../ui/figures/usd.tsx';
import '../ui/list/use-more.tsx';
import '../ui/page/page.tsx';
import '../ui/states/failed.tsx';
import '../ui/table/simple-table.tsx';
import '../ui/text/to-visible.ts';
import '../ui/time/time.tsx';
