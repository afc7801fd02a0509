/**
 * Vocabulary of the small CLIP that ships in weights/: the words of FAPrompt's templates and of plain captions of
 * surfaces, objects and their defects. Weights carry their own copy of the list in their metadata, so that it may
 * change here without harm to them.
 */
export const smallClipWords: readonly string[] = [
  // Punctuation and the words of templates.
  `. , - _ ' ! ? : / ( ) 0 1 2 3 4 5 6 7 8 9 a an the this that these one two three four five six seven eight nine ten many several`,
  'few some no of in on at with without and or not is are has have from by to for near over under along across',
  'between inside outside around',
  'object damaged photo photograph picture image close up view cropped blurry bright dark black white low',
  'resolution quality texture surface part item product sample background pattern detail top bottom left right',
  'center middle edge corner side front back end',
  // States.
  'normal abnormal good bad flawless perfect unblemished clean healthy intact defective faulty flawed broken worn',
  'dirty cracked scratched bent torn dented stained rusty wet dry old new missing misplaced swapped loose open',
  'closed empty full melted burnt faded rough smooth shiny glossy matte polished painted printed woven folded',
  'wrinkled striped spotted dotted checkered grooved layered brushed perforated',
  // Defects.
  'defect damage anomaly flaw fault error blemish crack scratch hole cut dent bump stain spot blob bubble chip',
  'gap tear fray break blowhole pit pore void inclusion particle dust dirt fibre thread hair rust corrosion oil',
  'water glue print smear mark line streak burn bend bulge fold wrinkle seam weld contamination discoloration',
  'erosion spill squeeze poke residue splinter knot tumor lesion bleeding hemorrhage swelling fracture mass',
  // Materials.
  'metal steel iron copper brass aluminium gold silver tin zinc wood timber oak pine bamboo cork paper cardboard',
  'plastic rubber foam glass ceramic porcelain stone marble granite concrete cement brick sand clay gravel asphalt',
  'plaster fabric cloth cotton wool silk linen denim leather felt carpet mesh wire net rope grid tile magnetic',
  'solar silicon ice snow wax paint ink skin bone tissue brain head leaf grass food bread fruit',
  // Objects.
  'bottle cable capsule pill tablet screw nut bolt nail washer gear spring bearing pipe tube rod plate sheet disc',
  'disk ring ball cube box sphere cylinder cone toothbrush brush transistor resistor capacitor circuit board',
  'pcb connector switch button socket plug lamp bulb candle cashew almond bean seed grain rice pasta macaroni',
  'chewinggum fryum cap lid can cup bowl spoon fork knife key lock coin wheel tyre zipper bag shoe shirt belt',
  'watch clock phone camera screen keyboard mouse book pen pencil needle tool hammer wrench saw drill wafer chipset',
  'battery motor engine car rail road wall floor roof window door panel scan mri ct xray',
  // Colours, sizes and shapes.
  'red orange yellow green blue purple violet pink brown grey gray beige cyan magenta light pale deep dull colour',
  'color small large big tiny huge long short wide narrow thin thick round square rectangular triangular oval',
  'circular straight curved sharp flat horizontal vertical diagonal single double regular irregular uniform',
  'fine coarse soft hard circle rectangle triangle ellipse stripe dot check noise cloud wave gradient',
  // Words of WinCLIP's templates.
  'jpeg corrupted visual inspection detection anomalous',
].flatMap((line) => line.split(' '));
